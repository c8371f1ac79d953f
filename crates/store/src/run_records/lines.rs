//! What became of the records of a batch, as one packet.

use std::borrow::Cow;

use model::clock::Millis;
use model::ids::{ExchangeId, RunId, SyncId};
use model::json;
use model::record::RecordKey;
use model::run::RecordOutcome;
use model::sync::Side;
use model::value::Value;

use super::{RunRecord, Told};
use crate::error::{Error, Result};
use crate::journal::{Packed, write_values as write_change_values};
use crate::packet::{self, Reader, Writer};

/// The numbers of outcomes in packets. Only ever appended to.
pub(super) const OUTCOMES: [RecordOutcome; 9] = [
    RecordOutcome::Created,
    RecordOutcome::Updated,
    RecordOutcome::Deleted,
    RecordOutcome::Unchanged,
    RecordOutcome::Filtered,
    RecordOutcome::Invalid,
    RecordOutcome::Rejected,
    RecordOutcome::Conflict,
    RecordOutcome::Held,
];

/// Where the values of a record are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values {
    /// It has none.
    None,
    /// In the packet of changes, in this place.
    At(u32),
    /// In its line.
    Own,
}

impl Values {
    /// In this place, else in its line.
    pub(crate) fn of(place: Option<u32>) -> Self {
        place.map_or(Self::Own, Self::At)
    }
}

const NO_VALUES: u32 = 0;
const OWN_VALUES: u32 = u32::MAX;

/// The packet of these records, which are of one run.
pub(crate) fn pack<'r>(
    records: impl IntoIterator<Item = (&'r Told<'r>, Values)>,
) -> Result<Vec<u8>> {
    let mut writer = Writer::default();
    let mut is_first = true;
    for (record, values) in records {
        if std::mem::take(&mut is_first) {
            writer.fixed(&record.run.to_bytes());
            writer.fixed(&record.sync.to_bytes());
            writer.number(record.at.cast_unsigned());
        }
        write(&mut writer, record, values)?;
    }
    writer.pack()
}

fn write(writer: &mut Writer, record: &Told<'_>, values: Values) -> Result<()> {
    if record.seq >> super::SEQ_BITS != 0 {
        return Err(super::too_far());
    }
    writer.number(record.seq);
    writer.small(match values {
        Values::None => NO_VALUES,
        Values::At(place) => place + 1,
        Values::Own => OWN_VALUES,
    });
    let outcome = OUTCOMES.iter().position(|known| *known == record.outcome);
    writer.byte(
        outcome
            .and_then(|n| u8::try_from(n).ok())
            .unwrap_or(u8::MAX),
    );
    writer.byte(u8::from(record.side == Side::Target));
    writer.text(record.source_key.map(RecordKey::as_str))?;
    writer.text(record.target_key.map(RecordKey::as_str))?;
    writer.text(record.message)?;
    writer.text(record.field.map(ToString::to_string).as_deref())?;
    writer.bytes(
        record
            .exchange
            .map(ExchangeId::to_bytes)
            .as_ref()
            .map(<[u8; 16]>::as_slice),
    )?;
    if matches!(values, Values::Own) {
        write_own(writer, record)?;
    }
    Ok(())
}

fn write_own(writer: &mut Writer, record: &Told<'_>) -> Result<()> {
    write_change_values(
        writer,
        record.seq,
        record.after,
        record.before,
        record.source,
    )
}

/// Writes the values of a record into a packet of changes, if it has any.
pub(crate) fn write_values(writer: &mut Writer, record: &Told<'_>) -> Result<bool> {
    let has_values = record.after.is_some() || record.before.is_some() || record.source.is_some();
    if has_values {
        write_own(writer, record)?;
    }
    Ok(has_values)
}

/// A packet of lines that was opened.
pub(super) struct Lines {
    content: Vec<u8>,
    pub(super) run: [u8; 16],
    pub(super) sync: [u8; 16],
    pub(super) at: Millis,
}

/// Run, sync and time.
const HEAD: usize = 16 + 16 + 8;

/// One line.
pub(super) struct Line<'a> {
    pub(super) seq: u64,
    pub(super) outcome: RecordOutcome,
    side: Side,
    pub(super) source_key: Option<Cow<'a, str>>,
    pub(super) target_key: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    field: Option<Cow<'a, str>>,
    exchange: Option<[u8; 16]>,
    values: Found<'a>,
}

enum Found<'a> {
    None,
    At(usize),
    Own(Box<Packed<'a>>),
}

fn corrupt() -> Error {
    Error::corrupt("packet of run records")
}

impl Lines {
    pub(super) fn open(packet: &[u8]) -> Result<Self> {
        let content = packet::unpack(packet).ok_or_else(corrupt)?;
        let mut reader = Reader(&content);
        let head = || Some((reader.fixed()?, reader.fixed()?, reader.number()?));
        let (run, sync, at) = { head }().ok_or_else(corrupt)?;
        Ok(Self {
            run,
            sync,
            at: at.cast_signed(),
            content,
        })
    }

    pub(super) fn read(&self) -> Result<Vec<Line<'_>>> {
        let mut reader = Reader(self.content.get(HEAD..).unwrap_or_default());
        let mut lines = Vec::new();
        while !reader.is_at_end() {
            lines.push(Line::read(&mut reader).ok_or_else(corrupt)?);
        }
        if lines.is_empty() {
            return Err(corrupt());
        }
        Ok(lines)
    }
}

/// A packet of changes that was opened.
#[derive(Default)]
pub(super) struct Changes {
    changes: Vec<u8>,
    fields: Option<Vec<u8>>,
}

impl Changes {
    /// `fields` is the packet of the fields that were sent, where they have one of their own.
    pub(super) fn open(changes: Option<&[u8]>, fields: Option<&[u8]>) -> Result<Self> {
        let unpack = |packet: &[u8]| packet::unpack(packet).ok_or_else(corrupt);
        Ok(Self {
            changes: changes.map(unpack).transpose()?.unwrap_or_default(),
            fields: fields.map(unpack).transpose()?,
        })
    }

    pub(super) fn read(&self) -> Result<Vec<Packed<'_>>> {
        let mut reader = Reader(&self.changes);
        let mut fields = self.fields.as_deref().map(Reader);
        let mut changes = Vec::new();
        while !reader.is_at_end() {
            changes.push(Packed::read(&mut reader, fields.as_mut()).ok_or_else(corrupt)?);
        }
        Ok(changes)
    }
}

impl<'a> Line<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let seq = reader.number()?;
        let place = reader.small()?;
        let outcome = *OUTCOMES.get(usize::from(reader.byte()?))?;
        let side = match reader.byte()? {
            0 => Side::Source,
            _ => Side::Target,
        };
        let (source_key, target_key) = (reader.text()?, reader.text()?);
        let (message, field) = (reader.text()?, reader.text()?);
        let exchange = match reader.bytes()? {
            None => None,
            Some(bytes) => Some(bytes.try_into().ok()?),
        };
        Some(Self {
            seq,
            outcome,
            side,
            source_key,
            target_key,
            message,
            field,
            exchange,
            values: match place {
                NO_VALUES => Found::None,
                OWN_VALUES => Found::Own(Box::new(Packed::read(reader, None)?)),
                place => Found::At(usize::try_from(place).ok()? - 1),
            },
        })
    }

    fn values<'s>(&'s self, changes: &'s [Packed<'a>]) -> Result<Option<&'s Packed<'a>>> {
        match &self.values {
            Found::None => Ok(None),
            Found::Own(values) => Ok(Some(values)),
            Found::At(place) => changes.get(*place).map(Some).ok_or_else(corrupt),
        }
    }

    /// Whether a text is in it: in keys and message as it is, in values as JSON writes it.
    pub(super) fn has(&self, text: &Wanted, changes: &[Packed<'a>]) -> Result<bool> {
        let plain = [&self.source_key, &self.target_key, &self.message];
        if plain
            .into_iter()
            .flatten()
            .any(|found| text.plain.is_in(found.as_bytes()))
        {
            return Ok(true);
        }
        let Some(values) = self.values(changes)? else {
            return Ok(false);
        };
        let json = [values.fields, values.before, values.source];
        Ok(json
            .into_iter()
            .flatten()
            .any(|found| text.in_json.is_in(found)))
    }

    /// The record.
    pub(super) fn record(&self, lines: &Lines, changes: &[Packed<'a>]) -> Result<RunRecord> {
        let key = |key: &Option<Cow<'_, str>>| key.as_deref().map(|key| RecordKey(key.to_owned()));
        let json = |text: Option<&[u8]>| -> Result<Option<Value>> {
            text.map(|text| json::parse(text).map_err(|_| corrupt()))
                .transpose()
        };
        let values = self.values(changes)?;
        let field = self.field.as_deref().map(str::parse).transpose();
        Ok(RunRecord {
            run: RunId::from_bytes(&lines.run).ok_or_else(corrupt)?,
            seq: self.seq,
            sync: SyncId::from_bytes(&lines.sync).ok_or_else(corrupt)?,
            source_key: key(&self.source_key),
            target_key: key(&self.target_key),
            side: self.side,
            outcome: self.outcome,
            message: self.message.as_deref().map(ToOwned::to_owned),
            field: field.map_err(|_| corrupt())?,
            before: json(values.and_then(|values| values.before))?,
            after: json(values.and_then(|values| values.fields))?,
            source: json(values.and_then(|values| values.source))?,
            exchange: self
                .exchange
                .and_then(|bytes| ExchangeId::from_bytes(&bytes)),
            at: lines.at,
        })
    }
}

/// A text that is looked for, whatever the case of its ASCII letters.
pub(super) struct Wanted {
    plain: Needle,
    in_json: Needle,
}

impl Wanted {
    pub(super) fn new(text: &str) -> Self {
        Self {
            plain: Needle(text.as_bytes().to_vec()),
            in_json: Needle(crate::column::inside_json(text).into_bytes()),
        }
    }
}

struct Needle(Vec<u8>);

impl Needle {
    fn is_in(&self, text: &[u8]) -> bool {
        text.windows(self.0.len().max(1))
            .any(|part| part.eq_ignore_ascii_case(&self.0))
    }
}
