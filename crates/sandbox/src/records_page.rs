//! The platforms' own pages, where a person looks at records, edits one, or changes many and watches what a sync
//! makes of it. No sign-in: sample data on loopback.

use serde_json::{Map, Value, json};

use crate::{
    Platform,
    http::call::{Answer, Call, Form},
    page::{escape, page},
    random::Random,
    world::{Stream, World},
};

const PAGE_SIZE: u64 = 50;

fn main_stream(platform: Platform) -> Stream {
    match platform {
        Platform::Harbor => Stream::Contacts,
        Platform::Postino => Stream::Subscribers,
    }
}

/// Members that the list shows, with their headings.
fn columns(platform: Platform) -> &'static [(&'static str, &'static str)] {
    match platform {
        Platform::Harbor => &[
            ("id", "Id"),
            ("first_name", "First name"),
            ("last_name", "Last name"),
            ("email", "E-mail"),
            ("lifecycle_stage", "Stage"),
            ("address.city", "City"),
            ("lifetime_value", "Lifetime value"),
            ("updated_at", "Updated"),
        ],
        Platform::Postino => &[
            ("id", "Id"),
            ("email_address", "E-mail address"),
            ("full_name", "Full name"),
            ("status", "Status"),
            ("location.city", "City"),
            ("lifetime_value", "Lifetime value"),
            ("tags", "Tags"),
            ("updated_at", "Updated"),
        ],
    }
}

/// Members that the form edits, with their labels.
fn inputs(platform: Platform) -> &'static [(&'static str, &'static str)] {
    match platform {
        Platform::Harbor => &[
            ("first_name", "First name"),
            ("last_name", "Last name"),
            ("email", "E-mail"),
            ("phone", "Phone"),
            ("job_title", "Job title"),
            ("lifecycle_stage", "Lifecycle stage"),
            ("address.street", "Street"),
            ("address.city", "City"),
            ("address.country", "Country"),
            ("lifetime_value", "Lifetime value"),
            ("notes", "Notes"),
        ],
        Platform::Postino => &[
            ("email_address", "E-mail address"),
            ("full_name", "Full name"),
            ("status", "Status"),
            ("list_id", "List"),
            ("phone_e164", "Phone"),
            ("location.city", "City"),
            ("location.country_code", "Country code"),
            ("lifetime_value", "Lifetime value"),
            ("notes", "Notes"),
        ],
    }
}

fn member<'a>(record: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((outer, inner)) => record.get(outer)?.get(inner),
        None => record.get(path),
    }
}

/// What a field can be, with labels; nothing when it is free text.
fn choices(world: &World, platform: Platform, path: &str) -> Vec<(String, String)> {
    if path == "list_id" {
        let lists = &world.postino.lists;
        let records = lists
            .order()
            .iter()
            .filter_map(|number| lists.record(*number));
        return records
            .map(|list| (shown(list.get("id")), shown(list.get("name"))))
            .collect();
    }
    let schema = world.records(main_stream(platform)).kind.schema;
    let options = schema.map_or(&[][..], |schema| schema.options(path));
    let pairs = options
        .iter()
        .map(|(value, label)| ((*value).to_owned(), (*label).to_owned()));
    pairs.collect()
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    }
}

pub(crate) fn front(world: &mut World, _: &Call) -> Answer {
    let contacts = world.harbor.contacts.len();
    let subscribers = world.postino.subscribers.len();
    let body = format!(
        "<div class=\"card\"><h1>Two platforms to try things with</h1><ul>\
<li><a href=\"/harbor/\">Harbor CRM</a>: {contacts} contacts</li>\
<li><a href=\"/postino/\">Postino</a>: {subscribers} subscribers</li></ul>\
<p class=\"soft\">All people in it are made up. Nothing here leaves this machine.</p></div>"
    );
    page(None, 200, "Two platforms", true, &body)
}

pub(crate) fn go_home(_: &mut World, _: &Call, platform: Platform) -> Answer {
    Answer::redirect(&format!("/{}/", platform.name()))
}

/// The newest changes first, or what a search finds.
pub(crate) fn list(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let page_number = match call.number("page", 1, 1, 1_000_000) {
        Ok(number) => number,
        Err(answer) => return answer,
    };
    let records = world.records(main_stream(platform));
    let search = call.param("q").unwrap_or("").trim().to_lowercase();
    let newest = records.newest().filter(|number| {
        search.is_empty()
            || records
                .get(*number)
                .is_some_and(|stored| stored.json.to_lowercase().contains(&search))
    });
    let skip = usize::try_from((page_number - 1) * PAGE_SIZE).unwrap_or(usize::MAX);
    let mut numbers: Vec<u64> = newest.skip(skip).take(PAGE_SIZE as usize + 1).collect();
    let has_more = numbers.len() > PAGE_SIZE as usize;
    numbers.truncate(PAGE_SIZE as usize);

    let name = platform.name();
    let headings: String = columns(platform)
        .iter()
        .map(|(_, heading)| format!("<th>{heading}</th>"))
        .collect();
    let rows: String = numbers
        .iter()
        .filter_map(|number| records.record(*number))
        .map(|record| {
            let cells: String = columns(platform)
                .iter()
                .map(|(path, _)| {
                    let text = escape(&shown(member(&record, path)));
                    if *path == "updated_at" {
                        let short = text.replacen('T', " ", 1);
                        format!("<td class=\"whole\">{short}</td>")
                    } else if *path == "id" {
                        format!(
                            "<td class=\"whole\"><a href=\"/{name}/records/{text}\">{text}</a></td>"
                        )
                    } else {
                        format!("<td dir=\"auto\">{text}</td>")
                    }
                })
                .collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    let body = format!(
        "<h1>{total} {stream}</h1><div class=\"row\"><form method=\"get\">\
<input type=\"search\" name=\"q\" value=\"{query}\" placeholder=\"Search\" aria-label=\"Search\">\
<button type=\"submit\">Search</button></form>{buttons}</div>\
<div class=\"wide\"><table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div>{pager}",
        total = records.len(),
        stream = records.kind.stream,
        query = escape(call.param("q").unwrap_or("")),
        buttons = buttons(platform),
        pager = pager(page_number, has_more, call.param("q").unwrap_or("")),
    );
    page(Some(platform), 200, "Records", false, &body)
}

fn buttons(platform: Platform) -> String {
    let offered: &[(&str, &str, &str)] = match platform {
        Platform::Harbor => &[
            ("edit", "100", "Change 100 contacts"),
            ("delete", "10", "Delete 10 contacts"),
            ("create", "10", "Add 10 contacts"),
        ],
        Platform::Postino => &[
            ("edit", "10", "Change 10 subscribers"),
            ("delete", "5", "Delete 5 subscribers"),
        ],
    };
    let name = platform.name();
    offered
        .iter()
        .map(|(action, count, label)| {
            format!(
                "<form method=\"post\" action=\"/{name}/change\"><input type=\"hidden\" name=\"action\" value=\"{action}\">\
<input type=\"hidden\" name=\"count\" value=\"{count}\"><button type=\"submit\">{label}</button></form>"
            )
        })
        .collect()
}

fn pager(number: u64, has_more: bool, query: &str) -> String {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let link =
        |number: u64, label: &str| format!("<a href=\"?q={query}&amp;page={number}\">{label}</a>");
    let mut links = Vec::new();
    if number > 1 {
        links.push(link(number - 1, "Newer"));
    }
    if has_more {
        links.push(link(number + 1, "Older"));
    }
    format!(
        "<nav class=\"row\" aria-label=\"Pages\">{}</nav>",
        links.join(" ")
    )
}

pub(crate) fn show(world: &mut World, call: &Call, platform: Platform) -> Answer {
    form_page(world, &call.id, platform, 200, None, None)
}

fn form_page(
    world: &World,
    id: &str,
    platform: Platform,
    status: u16,
    fault: Option<&str>,
    typed: Option<&Form>,
) -> Answer {
    let records = world.records(main_stream(platform));
    let Some(record) = records.number(id).and_then(|number| records.record(number)) else {
        let body = format!(
            "<div class=\"card\"><h1>There is no record {}</h1></div>",
            escape(id)
        );
        return page(Some(platform), 404, "Not found", true, &body);
    };
    let fields: String = inputs(platform)
        .iter()
        .map(|(path, label)| {
            let kept = shown(member(&record, path));
            let value = escape(typed.map_or(kept.as_str(), |form| form.get(path)));
            let choices = choices(world, platform, path);
            let (class, input) = if *path == "notes" {
                let area = format!("<textarea id=\"{path}\" name=\"{path}\" rows=\"4\" dir=\"auto\">\n{value}</textarea>");
                (" class=\"full\"", area)
            } else if choices.is_empty() {
                ("", format!("<input id=\"{path}\" name=\"{path}\" value=\"{value}\" dir=\"auto\">"))
            } else {
                let options: String = choices
                    .iter()
                    .map(|(choice, label)| {
                        let chosen = if *choice == value { " selected" } else { "" };
                        format!("<option value=\"{}\"{chosen}>{}</option>", escape(choice), escape(label))
                    })
                    .collect();
                ("", format!("<select id=\"{path}\" name=\"{path}\">{options}</select>"))
            };
            format!("<div{class}><label for=\"{path}\">{label}</label>{input}</div>")
        })
        .collect();
    let fault = fault.map_or(String::new(), |fault| {
        format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(fault))
    });
    let whole = serde_json::to_string_pretty(&record).unwrap_or_default();
    let body = format!(
        "<div class=\"card\"><h1>{id}</h1>{fault}<form method=\"post\"><div class=\"fields\">{fields}</div>\
<div class=\"row\"><button class=\"main\" type=\"submit\">Save</button><a href=\"/{name}/\">Cancel</a></div></form></div>\
<details class=\"row\"><summary>All fields</summary><pre class=\"wide\" dir=\"auto\">{whole}</pre></details>",
        id = escape(id),
        name = platform.name(),
        whole = escape(&whole),
    );
    page(Some(platform), status, id, false, &body)
}

pub(crate) fn save(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let stream = main_stream(platform);
    let Some(form) = call.form() else {
        return Answer::error(
            415,
            "unsupported_media_type",
            "this takes the form of the page",
        );
    };
    let records = world.records(stream);
    let Some((number, record)) = records
        .number(&call.id)
        .and_then(|number| Some((number, records.record(number)?)))
    else {
        return form_page(world, &call.id, platform, 404, None, None);
    };
    // Only what the person changed is written, so that an old odd value next to it does not stand in the way.
    let mut input = Map::new();
    for (path, _) in inputs(platform) {
        let typed = form.get(path).replace("\r\n", "\n");
        if typed == shown(member(&record, path)).replace("\r\n", "\n") {
            continue;
        }
        let value = if typed.is_empty() {
            Value::Null
        } else {
            json!(typed)
        };
        match path.split_once('.') {
            None => {
                input.insert((*path).to_owned(), value);
            }
            Some((outer, inner)) => {
                let object = input.entry(outer).or_insert_with(|| json!({}));
                if let Some(object) = object.as_object_mut() {
                    object.insert(inner.to_owned(), value);
                }
            }
        }
    }
    let now = world.clock.write_time();
    match world.update(stream, number, &input, false, now) {
        Ok(()) => Answer::redirect(&format!("/{}/", platform.name())),
        Err(refusal) => {
            let error = refusal.error();
            let faults: Vec<String> = error
                .get("errors")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|fault| {
                    format!(
                        "{} {}",
                        shown(fault.get("pointer")),
                        shown(fault.get("message"))
                    )
                })
                .collect();
            form_page(
                world,
                &call.id,
                platform,
                422,
                Some(&faults.join("; ")),
                Some(&form),
            )
        }
    }
}

/// "Change 100 contacts" and its like: other records at each click.
pub(crate) fn change(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let stream = main_stream(platform);
    let Some(form) = call.form() else {
        return Answer::error(
            415,
            "unsupported_media_type",
            "this takes the form of the page",
        );
    };
    let count = form.get("count").parse::<usize>().unwrap_or(1).min(100_000);
    let seed = Random::new(world.seed, "click", world.changes).next();
    match (form.get("action"), platform) {
        ("edit", _) => {
            world.edit_some(stream, count, seed);
        }
        ("delete", _) => {
            world.delete_some(stream, count, seed);
        }
        ("create", Platform::Harbor) => {
            world.add_contacts(count);
        }
        _ => return Answer::error(422, "invalid", "action must be edit, delete or create"),
    }
    Answer::redirect(&format!("/{}/", platform.name()))
}
