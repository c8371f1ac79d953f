//! Reads GraphQL documents, as much as a client that writes needs: one operation, aliases, arguments, variables,
//! nested selections. No fragments, no directives.

use serde_json::{Map, Value};

/// Deepest nesting of selections and values.
const DEEPEST: usize = 24;
/// Longest document, in bytes.
const LONGEST: usize = 256 * 1024;

#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) is_mutation: bool,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) alias: String,
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) selection: Vec<Field>,
}

/// Reads a document and puts the variables in.
pub(crate) fn parse(text: &str, variables: &Map<String, Value>) -> Result<Document, String> {
    if text.len() > LONGEST {
        return Err("the document is too long".into());
    }
    let mut reader = Reader {
        tokens: tokens(text)?,
        at: 0,
        variables,
    };
    let mut is_mutation = false;
    if let Some(Token::Name(word)) = reader.peek() {
        is_mutation = match word.as_str() {
            "mutation" => true,
            "query" => false,
            other => return Err(format!("expected query or mutation, found {other}")),
        };
        reader.at += 1;
        if let Some(Token::Name(_)) = reader.peek() {
            reader.at += 1;
        }
        reader.definitions()?;
    }
    let fields = reader.selection(0)?;
    match reader.peek() {
        None => Ok(Document {
            is_mutation,
            fields,
        }),
        Some(_) => Err("there is more than one operation".into()),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(String),
    Sign(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut word = |first: char, goes_on: fn(char) -> bool| {
            let mut word = String::from(first);
            while let Some(c) = chars.next_if(|c| goes_on(*c)) {
                word.push(c);
            }
            word
        };
        match c {
            c if c.is_whitespace() || c == ',' => {}
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            c if c.is_ascii_alphabetic() || c == '_' => {
                out.push(Token::Name(word(c, |c| {
                    c.is_ascii_alphanumeric() || c == '_'
                })));
            }
            c if c.is_ascii_digit() || c == '-' => out.push(Token::Number(word(c, |c| {
                c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-')
            }))),
            '"' => {
                let mut text = String::from('"');
                loop {
                    match chars.next() {
                        Some('\\') => {
                            text.push('\\');
                            text.extend(chars.next());
                        }
                        Some('"') => break,
                        Some(c) if c != '\n' => text.push(c),
                        _ => return Err("a text has no end".into()),
                    }
                }
                text.push('"');
                // The escapes are JSON's.
                let read = serde_json::from_str(&text);
                out.push(Token::Text(read.map_err(|_| "a text has a wrong escape")?));
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '$' | '!' | '=' => out.push(Token::Sign(c)),
            other => return Err(format!("{other} was not expected")),
        }
    }
    Ok(out)
}

struct Reader<'v> {
    tokens: Vec<Token>,
    at: usize,
    variables: &'v Map<String, Value>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("the document ends early")?;
        self.at += 1;
        Ok(token)
    }

    fn takes(&mut self, sign: char) -> bool {
        let there = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(there);
        there
    }

    fn sign(&mut self, sign: char) -> Result<(), String> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(format!("{sign} was expected")),
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Name(name) => Ok(name),
            other => Err(format!("a name was expected, not {other:?}")),
        }
    }

    /// `($a: Type!, $b: [Type])`: every variable that must be there is there.
    fn definitions(&mut self) -> Result<(), String> {
        if !self.takes('(') {
            return Ok(());
        }
        while !self.takes(')') {
            self.sign('$')?;
            let name = self.name()?;
            self.sign(':')?;
            let mut depth = 0;
            while self.takes('[') {
                depth += 1;
            }
            self.name()?;
            let mut is_required = self.takes('!');
            for _ in 0..depth {
                self.sign(']')?;
                is_required = self.takes('!');
            }
            if is_required && self.variables.get(&name).is_none_or(Value::is_null) {
                return Err(format!("the variable ${name} is missing"));
            }
        }
        Ok(())
    }

    fn selection(&mut self, depth: usize) -> Result<Vec<Field>, String> {
        if depth > DEEPEST {
            return Err("the document is too deep".into());
        }
        self.sign('{')?;
        let mut fields = Vec::new();
        while !self.takes('}') {
            let mut name = self.name()?;
            let alias = name.clone();
            if self.takes(':') {
                name = self.name()?;
            }
            let mut arguments = Map::new();
            if self.takes('(') {
                while !self.takes(')') {
                    let name = self.name()?;
                    self.sign(':')?;
                    arguments.insert(name, self.value(0)?);
                }
            }
            let selection = match self.peek() {
                Some(Token::Sign('{')) => self.selection(depth + 1)?,
                _ => Vec::new(),
            };
            fields.push(Field {
                alias,
                name,
                arguments,
                selection,
            });
        }
        if fields.is_empty() {
            return Err("a selection is empty".into());
        }
        Ok(fields)
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err("a value is too deep".into());
        }
        Ok(match self.next()? {
            Token::Text(text) => Value::String(text),
            Token::Number(digits) => {
                serde_json::from_str(&digits).map_err(|_| format!("{digits} is no number"))?
            }
            Token::Name(word) => match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ => Value::String(word),
            },
            Token::Sign('$') => {
                let name = self.name()?;
                self.variables.get(&name).cloned().unwrap_or(Value::Null)
            }
            Token::Sign('[') => {
                let mut items = Vec::new();
                while !self.takes(']') {
                    items.push(self.value(depth + 1)?);
                }
                Value::Array(items)
            }
            Token::Sign('{') => {
                let mut members = Map::new();
                while !self.takes('}') {
                    let name = self.name()?;
                    self.sign(':')?;
                    members.insert(name, self.value(depth + 1)?);
                }
                Value::Object(members)
            }
            other => return Err(format!("a value was expected, not {other:?}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_with_their_variables() {
        let variables = json!({"a": {"x": 1}});
        let document = parse(
            "mutation M($a: In!) { one: create(input: $a, ids: [\"1\", 2]) { contact { id } } }",
            variables.as_object().unwrap(),
        )
        .unwrap();
        assert!(document.is_mutation);
        let field = &document.fields[0];
        assert_eq!(
            (field.alias.as_str(), field.name.as_str()),
            ("one", "create")
        );
        assert_eq!(
            json!(field.arguments),
            json!({"input": {"x": 1}, "ids": ["1", 2]})
        );
        assert_eq!(field.selection[0].selection[0].name, "id");
    }

    #[test]
    fn broken_documents_are_refused() {
        fn check(text: &str) {
            assert!(parse(text, &Map::new()).is_err(), "{text}");
        }
        check("");
        check("{");
        check("{}");
        check("{ a } { b }");
        check("mutation($a: X!) { b(x: $a) { c } }");
        check("{ a(x: \") }");
        check(&"{ a".repeat(500));
        check("subscription { a }");
    }
}
