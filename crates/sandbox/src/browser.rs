//! A person at a browser, scripted: follows the sign-in of a platform from the authorize address to the callback of
//! the program that waits for it. It fills forms with what the page suggests, so it knows no passwords.
//!
//! It only ever goes to this machine.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header, redirect};
use url::{Host, Url, form_urlencoded};

use crate::Error;

/// Pages and redirects that one sign-in may take.
const MAX_STEPS: usize = 12;
/// Bytes of a page that are looked at.
const MAX_PAGE: usize = 1024 * 1024;

/// Where a sign-in ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// The callback address, with `code`, `state` and `iss` or with `error`.
    pub url: Url,
    /// What the waiting program answered there.
    pub status: u16,
    /// The page that it showed.
    pub page: String,
}

/// A person with their own cookies and habits.
#[derive(Debug, Clone)]
pub struct Visitor {
    client: Client,
    email: Option<String>,
    password: Option<String>,
    allows: bool,
}

/// Signs in as the demo user, allows what is asked, and goes back to the program.
pub async fn sign_in(authorize_url: &Url) -> Result<Landing, Error> {
    Visitor::new()?.sign_in(authorize_url).await
}

impl Visitor {
    /// Takes the e-mail address and password that the page suggests, and allows what is asked.
    pub fn new() -> Result<Self, Error> {
        #[expect(
            clippy::disallowed_methods,
            reason = "it stands for the person's browser, not for the product"
        )]
        let client = Client::builder()
            .timeout(Duration::from_secs(60))
            .cookie_store(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            email: None,
            password: None,
            allows: true,
        })
    }

    /// Signs in as somebody else.
    #[must_use]
    pub fn named(mut self, email: &str, password: &str) -> Self {
        self.email = Some(email.to_owned());
        self.password = Some(password.to_owned());
        self
    }

    /// Will press *Deny*.
    #[must_use]
    pub fn who_denies(mut self) -> Self {
        self.allows = false;
        self
    }

    /// All the way: also opens the callback address, where the program waits.
    pub async fn sign_in(&self, authorize_url: &Url) -> Result<Landing, Error> {
        let url = self.walk(authorize_url).await?;
        let response = self.client.get(url.clone()).send().await?;
        let status = response.status().as_u16();
        let page = read(response).await?;
        Ok(Landing { url, status, page })
    }

    /// As far as the callback address, which is not opened.
    pub async fn walk(&self, authorize_url: &Url) -> Result<Url, Error> {
        match self.go(authorize_url).await? {
            Stop::Callback(url) => Ok(url),
            Stop::Page { status, heading } => Err(Error::SignIn(format!(
                "no form to go on with ({status}): {heading}"
            ))),
        }
    }

    /// To the last page of a sign-in that comes back to no program: a device's. Gives what that page says.
    pub async fn approve(&self, page_url: &Url) -> Result<String, Error> {
        match self.go(page_url).await? {
            Stop::Page {
                status: StatusCode::OK,
                heading,
            } => Ok(heading),
            Stop::Page { status, heading } => {
                Err(Error::SignIn(format!("it ended at ({status}): {heading}")))
            }
            Stop::Callback(_) => Err(Error::SignIn("it went to a program".to_owned())),
        }
    }

    async fn go(&self, authorize_url: &Url) -> Result<Stop, Error> {
        only_here(authorize_url)?;
        let mut response = self.client.get(authorize_url.clone()).send().await?;
        for _ in 0..MAX_STEPS {
            let here = response.url().clone();
            if response.status().is_redirection() {
                let to = response
                    .headers()
                    .get(header::LOCATION)
                    .and_then(|to| to.to_str().ok())
                    .and_then(|to| here.join(to).ok())
                    .ok_or_else(|| Error::SignIn("a redirect led nowhere".to_owned()))?;
                only_here(&to)?;
                if to.port_or_known_default() != authorize_url.port_or_known_default()
                    || to.path() == "/callback"
                {
                    return Ok(Stop::Callback(to));
                }
                response = self.client.get(to).send().await?;
                continue;
            }
            let status = response.status();
            let page = read(response).await?;
            if status == StatusCode::UNAUTHORIZED && self.email.is_some() {
                return Err(Error::SignIn(
                    "e-mail address or password was refused".to_owned(),
                ));
            }
            let Some(form) = Form::find(&page) else {
                return Ok(Stop::Page {
                    status,
                    heading: heading(&page),
                });
            };
            let to = here
                .join(&form.action)
                .map_err(|_| Error::SignIn("the form leads nowhere".to_owned()))?;
            only_here(&to)?;
            let body = self.fill(form);
            response = self
                .client
                .post(to)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body)
                .send()
                .await?;
        }
        Err(Error::SignIn("it went round in circles".to_owned()))
    }

    fn fill(&self, form: Form) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form.fields {
            let value = match name.as_str() {
                "email" => self.email.clone().unwrap_or(value),
                "password" => self.password.clone().unwrap_or(value),
                _ => value,
            };
            body.append_pair(&name, &value);
        }
        let wanted = if self.allows { "allow" } else { "deny" };
        if let Some((name, value)) = form.buttons.iter().find(|(_, value)| value == wanted) {
            body.append_pair(name, value);
        }
        body.finish()
    }
}

/// Where a walk ends.
enum Stop {
    /// At the address of the program that waits; not opened yet.
    Callback(Url),
    /// At a page without a form.
    Page { status: StatusCode, heading: String },
}

async fn read(mut response: Response) -> Result<String, Error> {
    let mut page = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        page.extend_from_slice(&chunk);
        if page.len() > MAX_PAGE {
            return Err(Error::SignIn(
                "the page is larger than a megabyte".to_owned(),
            ));
        }
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn only_here(url: &Url) -> Result<(), Error> {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if here && url.scheme() == "http" {
        Ok(())
    } else {
        Err(Error::SignIn(
            "the scripted visitor only goes to this machine".to_owned(),
        ))
    }
}

/// The first form of a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
    /// Named buttons.
    buttons: Vec<(String, String)>,
}

impl Form {
    fn find(page: &str) -> Option<Self> {
        let (_, rest) = page.split_once("<form ")?;
        let (inside, _) = rest.split_once("</form>")?;
        let (opening, body) = inside.split_once('>')?;
        let mut form = Self {
            action: attribute(opening, "action")?,
            ..Self::default()
        };
        for piece in body.split('<') {
            let tag = piece.split('>').next().unwrap_or("");
            let pair = || {
                Some((
                    attribute(tag, "name")?,
                    attribute(tag, "value").unwrap_or_default(),
                ))
            };
            if tag.starts_with("input ") {
                form.fields.extend(pair());
            } else if tag.starts_with("button ") {
                form.buttons.extend(pair());
            }
        }
        Some(form)
    }
}

/// The value of ` name="…"` in a tag, unescaped.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let opening = format!("{name}=\"");
    let at = tag
        .match_indices(&opening)
        .map(|(at, _)| at)
        .find(|at| *at == 0 || tag.as_bytes().get(at - 1) == Some(&b' '))?;
    let value = tag.get(at + opening.len()..)?.split('"').next()?;
    Some(
        value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&"),
    )
}

fn heading(page: &str) -> String {
    let inside = page
        .split_once("<h1>")
        .and_then(|(_, rest)| rest.split_once("</main>"));
    let text = inside.map_or("", |(text, _)| text);
    let mut out = String::new();
    let mut in_tag = false;
    for letter in text.chars().take(400) {
        match letter {
            '<' => {
                in_tag = true;
                out.push(' ');
            }
            '>' => in_tag = false,
            other if !in_tag => out.push(other),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_with_its_hidden_fields_and_buttons() {
        let page = "<p>x</p><form method=\"post\" action=\"/a/b?x=1&amp;y=2\"><input type=\"hidden\" name=\"csrf\" \
value=\"a&quot;b\"><input id=\"email\" name=\"email\" value=\"d@x.example\" required><button type=\"submit\" \
name=\"decision\" value=\"allow\">Allow</button><button>Plain</button></form>";
        assert_eq!(
            Form::find(page),
            Some(Form {
                action: "/a/b?x=1&y=2".into(),
                fields: vec![
                    ("csrf".into(), "a\"b".into()),
                    ("email".into(), "d@x.example".into())
                ],
                buttons: vec![("decision".into(), "allow".into())],
            })
        );
        assert_eq!(Form::find("<h1>No</h1>"), None);
    }

    #[test]
    fn the_visitor_goes_nowhere_else() {
        assert!(only_here(&Url::parse("http://127.0.0.1:5/x").unwrap()).is_ok());
        assert!(only_here(&Url::parse("http://[::1]:5/x").unwrap()).is_ok());
        assert!(only_here(&Url::parse("https://example.com/").unwrap()).is_err());
        assert!(only_here(&Url::parse("file:///etc/passwd").unwrap()).is_err());
    }
}
