//! What is on both platforms, and what somebody else does to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::ids::ChangeId;
use model::record::RecordKey;
use model::value::{Object, Value};

use super::history::{Edit, MemberField, PersonLike, Stamp};
use super::past::Past;
use super::watch::Stand;

/// A person at the source.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) fields: Object,
    /// When it was last edited, as the source says.
    pub(super) stamp: u64,
    /// As it was before its latest edit.
    pub(super) before: Option<Object>,
    /// Its latest edit says that it was before others that are known.
    pub(super) is_late: bool,
    /// So did one of its edits.
    pub(super) was_late: bool,
    pub(super) version: u64,
    /// The member for which we made it.
    pub(super) made_for: Option<RecordKey>,
    /// Fields that somebody edited since both sides had the same in them.
    pub(super) edited: BTreeSet<String>,
    /// As `edited`, also those that got their old value back.
    pub(super) touched: BTreeSet<String>,
    /// What both sides had then.
    agreed: Object,
    pub(super) echo: Echo,
    pub(super) past: Past,
}

/// What comes back of our own write. Where a platform has no versions, what somebody edits between a write and the look at
/// what the platform made of it cannot be told from what the platform made of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Echo {
    /// Written by us in this run, and not looked at since.
    pub(super) is_new: bool,
    /// Fields that were edited in between.
    pub(super) unseen: BTreeSet<String>,
}

impl Echo {
    fn edited(&mut self, name: &str) {
        match self.is_new {
            true => self.unseen.insert(name.to_owned()),
            false => self.unseen.remove(name),
        };
    }

    pub(super) fn written(&mut self, fields: &Object) {
        self.is_new = true;
        for (name, _) in fields.iter() {
            self.unseen.remove(name);
        }
    }
}

/// A member at the target.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) fields: Object,
    pub(super) version: u64,
    /// The person for whom we made it; none where somebody else did.
    pub(super) made_for: Option<RecordKey>,
    /// Fields whose value somebody else gave last.
    pub(super) theirs: BTreeSet<String>,
    /// Every address that it ever had, without case.
    pub(super) addresses: BTreeSet<String>,
    /// The request from which on the search knows it.
    pub(super) found_from: u32,
    /// When it was last changed, as the target says.
    pub(super) stamp: u64,
    /// Fields that somebody edited since both sides had the same in them.
    pub(super) edited: BTreeSet<String>,
    /// As `edited`, also those that got their old value back.
    pub(super) touched: BTreeSet<String>,
    /// What both sides had then.
    agreed: Object,
    pub(super) echo: Echo,
    pub(super) past: Past,
    /// As what we made it.
    pub(super) made_as: Object,
    /// We made it again after we had deleted it.
    pub(super) is_restored: bool,
}

/// Both platforms.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) people: BTreeMap<RecordKey, Person>,
    pub(super) members: BTreeMap<RecordKey, Member>,
    /// Members that somebody else deleted.
    pub(super) deleted: BTreeMap<RecordKey, Member>,
    /// What creates came to, for a platform that tells them again.
    pub(super) carried_out: HashMap<ChangeId, RecordKey>,
    /// The latest stamp.
    pub(super) stamp: u64,
    /// Values come of a large stock.
    pub(super) is_wide: bool,
    /// Each edit of a field that flows, in order.
    pub(super) edits: Vec<Edited>,
    made: u32,
}

/// Somebody gave a field a value.
#[derive(Clone, Debug)]
pub(super) struct Edited {
    pub(super) on_source: bool,
    pub(super) key: RecordKey,
    pub(super) field: &'static str,
    pub(super) value: Value,
}

impl World {
    /// Does what somebody does. Edits name records by number, modulo how many there are.
    /// An edit that claims the time of an earlier one while a read is under way comes late: the read may be past it.
    pub(super) fn edit(&mut self, edit: &Edit, normalises: bool, is_read: bool) {
        let is_wide = self.is_wide;
        let n = self.edits.len();
        match *edit {
            Edit::AddPerson(like, stamp) => {
                self.made += 1;
                let key = RecordKey(format!("p{}", self.made));
                let stamp = self.stamped(stamp, is_read);
                let fields = person_fields(like, is_wide);
                let mut past = Past::default();
                for (name, value) in fields.iter() {
                    past.edited(name, value);
                }
                let person = Person {
                    fields,
                    stamp: stamp.0,
                    before: None,
                    is_late: stamp.1,
                    was_late: stamp.1,
                    version: 1,
                    made_for: None,
                    edited: BTreeSet::new(),
                    touched: BTreeSet::new(),
                    agreed: Object::new(),
                    echo: Echo::default(),
                    past,
                };
                self.people.insert(key, person);
            }
            Edit::ChangePerson(which, like, stamp) => {
                let stamp = self.stamped(stamp, is_read);
                if let Some((key, person)) = nth(&mut self.people, which) {
                    let mut fields = person_fields(like, is_wide);
                    if is_wide {
                        fields.insert("email", Value::text(format!("a{}.{n}@x.io", like.address)));
                        fields.insert("name", Value::text(format!("n{}.{n}", like.name)));
                    }
                    // Mostly one field: addresses seldom change.
                    let mut now = person.fields.clone();
                    for (name, value) in fields {
                        let is_meant = match name.as_str() {
                            "email" => like.number < 32,
                            "name" => like.address >= 64,
                            _ => like.name < 128,
                        };
                        if is_meant {
                            now.insert(name, value);
                        }
                    }
                    let was = std::mem::replace(&mut person.fields, now);
                    person.stamp = stamp.0;
                    for (name, value) in person.fields.iter() {
                        if was.get(name) != Some(value) {
                            self.edits.extend(flows(name).map(|field| Edited {
                                on_source: true,
                                key: key.clone(),
                                field,
                                value: value.clone(),
                            }));
                            note_edit(&mut person.edited, &person.agreed, name, value);
                            person.touched.insert(name.to_owned());
                            person.echo.edited(name);
                            person.past.edited(name, value);
                        }
                    }
                    person.version += 1;
                    person.is_late = stamp.1;
                    person.was_late |= stamp.1;
                    person.before = Some(was);
                }
            }
            Edit::RemovePerson(which) => {
                if let Some(key) = nth_key(&self.people, which) {
                    self.people.remove(&key);
                }
            }
            Edit::RemovePeople => self.people.clear(),
            Edit::AddMember(like) => {
                let fields = member_fields(like, normalises, is_wide);
                let theirs = fields.iter().map(|(name, _)| name.to_owned()).collect();
                self.add_member(fields, None, theirs, 0);
            }
            Edit::ChangeMember(which, field, like) => {
                let now = self.now();
                if let Some((key, member)) = nth(&mut self.members, which) {
                    let (name, value) = match field {
                        MemberField::Address if is_wide => {
                            let address = format!("a{}.{n}@x.io", like.address);
                            ("email", Value::text(address))
                        }
                        MemberField::Name if is_wide => {
                            ("name", Value::text(format!("theirs {}.{n}", like.name)))
                        }
                        MemberField::Address => ("email", address(like.address, normalises)),
                        MemberField::Name => {
                            ("name", Value::text(format!("theirs {}", like.name % 8)))
                        }
                        MemberField::Number => ("n", Value::Int(i64::from(like.number % 10))),
                        MemberField::Note => ("note", Value::text(format!("note {}", like.name))),
                    };
                    if value.is_null() {
                        return;
                    }
                    self.edits.extend(flows(name).map(|field| Edited {
                        on_source: false,
                        key: key.clone(),
                        field,
                        value: value.clone(),
                    }));
                    note_edit(&mut member.edited, &member.agreed, name, &value);
                    member.touched.insert(name.to_owned());
                    member.past.edited(name, &value);
                    member.fields.insert(name, value);
                    member.theirs.insert(name.to_owned());
                    member.echo.edited(name);
                    member.stamp = now;
                    member.version += 1;
                    member.remember_address();
                }
            }
            Edit::RemoveMember(which) => {
                if let Some(key) = nth_key(&self.members, which)
                    && let Some(member) = self.members.remove(&key)
                {
                    self.deleted.insert(key, member);
                }
            }
        }
    }

    pub(super) fn add_member(
        &mut self,
        fields: Object,
        made_for: Option<RecordKey>,
        theirs: BTreeSet<String>,
        found_from: u32,
    ) -> RecordKey {
        self.made += 1;
        let key = RecordKey(format!("m{}", self.made));
        let stamp = self.now();
        let mut past = Past::default();
        for (name, value) in fields.iter().filter(|_| made_for.is_none()) {
            past.edited(name, value);
        }
        let mut member = Member {
            made_as: fields.clone(),
            is_restored: false,
            past,
            fields,
            version: 1,
            made_for,
            theirs,
            addresses: BTreeSet::new(),
            found_from,
            stamp,
            edited: BTreeSet::new(),
            touched: BTreeSet::new(),
            agreed: Object::new(),
            echo: Echo::default(),
        };
        member.remember_address();
        member.echo.is_new = member.made_for.is_some();
        self.members.insert(key.clone(), member);
        key
    }

    /// A run is over.
    pub(super) fn run_ends(&mut self) {
        for person in self.people.values_mut() {
            person.echo.is_new = false;
        }
        for member in self.members.values_mut() {
            member.echo.is_new = false;
        }
    }

    /// A stamp after all before.
    pub(super) fn now(&mut self) -> u64 {
        self.stamp += 10;
        self.stamp
    }

    /// Both sides of a pair have the same in these fields: whoever edited them is heard.
    pub(super) fn agree(&mut self, person: &RecordKey, member: &RecordKey) {
        if let (Some(person), Some(member)) =
            (self.people.get_mut(person), self.members.get_mut(member))
        {
            for name in FLOWING {
                let same = person.fields.get(name) == member.fields.get(name);
                // Platforms may write an address otherwise.
                let is_address = name == "email";
                if same || (is_address && folded(&person.fields) == folded(&member.fields)) {
                    person.edited.remove(name);
                    person.touched.remove(name);
                    member.edited.remove(name);
                    member.touched.remove(name);
                    let agreed = person.fields.get(name).cloned().unwrap_or_default();
                    person.agreed.insert(name, agreed.clone());
                    member.agreed.insert(name, agreed);
                }
            }
        }
    }

    /// A person that we make or change.
    pub(super) fn write_person(
        &mut self,
        key: Option<RecordKey>,
        fields: Object,
        made_for: &RecordKey,
    ) -> RecordKey {
        let stamp = self.now();
        self.made += 1;
        let key = key.unwrap_or_else(|| RecordKey(format!("p{}", self.made)));
        let person = self.people.entry(key.clone()).or_insert_with(|| Person {
            fields: Object::new(),
            stamp,
            before: None,
            is_late: false,
            was_late: false,
            version: 0,
            made_for: Some(made_for.clone()),
            edited: BTreeSet::new(),
            touched: BTreeSet::new(),
            agreed: Object::new(),
            echo: Echo::default(),
            past: Past::default(),
        });
        person.echo.written(&fields);
        person.past.written(&fields);
        for (name, value) in fields {
            person.edited.remove(name.as_str());
            person.touched.remove(name.as_str());
            person.fields.insert(name, value);
        }
        person.version += 1;
        person.stamp = stamp;
        person.is_late = false;
        key
    }

    /// The stamp of an edit, and whether it is wrong.
    fn stamped(&mut self, stamp: Stamp, is_read: bool) -> (u64, bool) {
        match stamp {
            Stamp::Later => {
                self.stamp += 10;
                (self.stamp, false)
            }
            Stamp::Same => (self.stamp, is_read),
            Stamp::Late => (self.stamp.saturating_sub(15), true),
        }
    }
}

impl Person {
    pub(super) fn stand(&self) -> Stand<'_> {
        Stand {
            edited: &self.edited,
            touched: &self.touched,
            stamp: (!self.was_late).then_some(self.stamp),
        }
    }
}

impl Member {
    pub(super) fn stand(&self) -> Stand<'_> {
        Stand {
            edited: &self.edited,
            touched: &self.touched,
            stamp: Some(self.stamp),
        }
    }

    pub(super) fn remember_address(&mut self) {
        self.addresses.insert(folded(&self.fields));
    }
}

/// The address without case, as platforms compare.
pub(super) fn folded(fields: &Object) -> String {
    let text = fields.get("email").and_then(Value::as_text);
    text.unwrap_or_default().trim().to_lowercase()
}

fn nth_key<T>(map: &BTreeMap<RecordKey, T>, n: u8) -> Option<RecordKey> {
    let n = usize::from(n).checked_rem(map.len())?;
    map.keys().nth(n).cloned()
}

fn nth<T>(map: &mut BTreeMap<RecordKey, T>, n: u8) -> Option<(&RecordKey, &mut T)> {
    let n = usize::from(n).checked_rem(map.len())?;
    map.iter_mut().nth(n)
}

/// Whoever gives a field the value back that both sides had has changed nothing.
fn note_edit(edited: &mut BTreeSet<String>, agreed: &Object, name: &str, value: &Value) {
    match agreed.get(name) {
        Some(agreed) if agreed == value => edited.remove(name),
        _ => edited.insert(name.to_owned()),
    };
}

/// A field that flows both ways, if it is one.
fn flows(name: &str) -> Option<&'static str> {
    FLOWING.into_iter().find(|field| *field == name)
}

/// The fields that flow both ways.
pub(super) const FLOWING: [&str; 2] = ["email", "name"];

fn address(n: u8, normalises: bool) -> Value {
    if n % 23 == 22 {
        return Value::Null;
    }
    let letter = if n > 240 && !normalises { 'A' } else { 'a' };
    Value::text(format!("{letter}{}@x.io", n % 23 % 11))
}

fn person_fields(like: PersonLike, is_wide: bool) -> Object {
    let mut fields = Object::new();
    if is_wide {
        let address = format!("a{}@x.io", like.address);
        fields.insert("email", Value::text(address));
        fields.insert("name", Value::text(format!("n{}", like.name)));
        fields.insert("number", Value::text(like.number.to_string()));
        return fields;
    }
    fields.insert("email", address(like.address, false));
    fields.insert(
        "name",
        Value::text(match like.name % 24 {
            23 => REFUSED.to_owned(),
            n => format!("n{}", n % 6),
        }),
    );
    fields.insert(
        "number",
        Value::text(match like.number % 30 {
            29 => "many".to_owned(),
            n => (n % 7).to_string(),
        }),
    );
    fields
}

fn member_fields(like: PersonLike, normalises: bool, is_wide: bool) -> Object {
    let mut fields = Object::new();
    let address = match is_wide {
        true => Value::text(format!("a{}@x.io", like.address)),
        false => address(like.address, normalises),
    };
    fields.insert(
        "email",
        if address.is_null() {
            Value::text("a0@x.io")
        } else {
            address
        },
    );
    fields.insert("name", Value::text(format!("theirs {}", like.name % 8)));
    fields.insert("note", Value::text("here before"));
    fields
}

/// The name that the target refuses.
pub(super) const REFUSED: &str = "refused";
