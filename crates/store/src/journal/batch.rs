//! The changes of a batch as one packet.

use model::ids::{ChangeId, RunId, SyncId};
use model::json;
use model::record::{Change, Intent, Operation, RecordKey};
use model::sync::Side;
use model::value::{Fingerprint, Object, Value};
use rusqlite::{Connection, Transaction, params};

use super::{Intended, Packets, Pending};
use crate::borrowed::Json;
use crate::column::{all, execute, sync_no};
use crate::error::{Error, Result};
use crate::packet::{self, Reader, Writer};

/// An id and a fingerprint.
const MARK: usize = 32;

/// Of a change's packed form, what is known before it is asked for.
pub(crate) struct Packed<'a> {
    /// Its place in the run.
    pub(crate) seq: u64,
    operation: u8,
    side: u8,
    intent: u8,
    pub(crate) source_key: std::borrow::Cow<'a, str>,
    target_key: Option<std::borrow::Cow<'a, str>>,
    version: Option<std::borrow::Cow<'a, str>>,
    /// JSON of what is written.
    pub(crate) fields: Option<&'a [u8]>,
    /// JSON of what was there before.
    pub(crate) before: Option<&'a [u8]>,
    mapped: Option<&'a [u8]>,
    /// JSON of the source's record.
    pub(crate) source: Option<&'a [u8]>,
}

/// A batch in the journal, without its values.
pub(super) struct Batch {
    pub(super) packets: Packets,
    pub(super) run: RunId,
    marks: Vec<u8>,
}

/// Adds changes of one run.
pub(super) fn insert(
    tx: &Transaction<'_>,
    sync: SyncId,
    run: RunId,
    pending: &[Intended<'_>],
) -> Result<()> {
    let mut writer = Writer::default();
    let mut marks = Vec::with_capacity(MARK * pending.len());
    let mut fields = pending.iter().all(becomes_shadow).then(Writer::default);
    for entry in pending {
        write(&mut writer, fields.as_mut(), entry)?;
        marks.extend_from_slice(&entry.change.id.to_bytes());
        marks.extend_from_slice(&entry.mapped_fingerprint.to_bytes());
    }
    let packet_no = packet::insert(tx, &writer.pack()?)?;
    let fields_no = match fields {
        Some(fields) => Some(packet::insert(tx, &fields.pack()?)?),
        None => None,
    };
    execute(
        tx,
        "journal a batch",
        r"INSERT INTO journal_batches (packet_no, sync_no, run, marks, fields_no)
          VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            packet_no,
            sync_no(tx, sync)?,
            run.to_bytes(),
            marks,
            fields_no
        ],
    )?;
    Ok(())
}

/// Whether the link that a change will make has what is sent as its shadow: then that is kept in a packet of its own,
/// which stays when the rest has gone to the history.
fn becomes_shadow(entry: &Intended<'_>) -> bool {
    let change = entry.change;
    (change.operation, entry.side, entry.intent) == (Operation::Create, Side::Target, Intent::Sync)
        && *entry.mapped == change.fields
}

/// Those of a sync, in order.
pub(super) fn of_sync(conn: &Connection, sync: SyncId) -> Result<Vec<Batch>> {
    all(
        conn,
        "batch of pending changes",
        r"SELECT packet_no, run, marks, fields_no
          FROM journal_batches
          WHERE sync_no = ?1
          ORDER BY packet_no",
        [sync_no(conn, sync)?],
        |row| {
            let marks: Vec<u8> = row.get("marks")?;
            if marks.is_empty() || !marks.len().is_multiple_of(MARK) {
                return Err(row.corrupt("marks"));
            }
            Ok(Batch {
                packets: Packets {
                    changes: row.get("packet_no")?,
                    fields: row.get("fields_no")?,
                },
                run: row.id("run")?,
                marks,
            })
        },
    )
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.marks.len() / MARK
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ChangeId> {
        self.marks.chunks_exact(MARK).filter_map(|mark| {
            let (id, _) = mark.split_at_checked(MARK / 2)?;
            ChangeId::from_bytes(id)
        })
    }

    fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.marks.chunks_exact(MARK).filter_map(|mark| {
            let (_, fingerprint) = mark.split_at_checked(MARK / 2)?;
            Fingerprint::from_bytes(fingerprint)
        })
    }

    /// With its values.
    pub(super) fn open(&self, conn: &Connection, sync: SyncId) -> Result<Vec<Pending>> {
        let corrupt = || Error::corrupt("batch of pending changes (changes)");
        let unpacked = |packet_no: i64| {
            let packet = packet::get(conn, packet_no)?.ok_or_else(corrupt)?;
            packet::unpack(&packet).ok_or_else(corrupt)
        };
        let content = unpacked(self.packets.changes)?;
        let fields = self.packets.fields.map(unpacked).transpose()?;
        let mut reader = Reader(&content);
        let mut fields = fields.as_deref().map(Reader);
        let mut out = Vec::with_capacity(self.len());
        for (id, fingerprint) in self.ids().zip(self.fingerprints()) {
            let packed = Packed::read(&mut reader, fields.as_mut()).ok_or_else(corrupt)?;
            let pending = packed.pending(id, fingerprint, self.run, sync);
            out.push(pending.ok_or_else(corrupt)?);
        }
        if out.len() != self.len() || !reader.is_at_end() {
            return Err(corrupt());
        }
        Ok(out)
    }

    /// Takes it out of the journal; its packet stays.
    pub(super) fn remove(&self, tx: &Transaction<'_>) -> Result<()> {
        execute(
            tx,
            "settle a batch",
            "DELETE FROM journal_batches WHERE packet_no = ?1",
            [self.packets.changes],
        )?;
        Ok(())
    }
}

const OPERATIONS: [Operation; 3] = [Operation::Create, Operation::Update, Operation::Delete];
const SIDES: [Side; 2] = [Side::Source, Side::Target];
const INTENTS: [Intent; 3] = [Intent::Sync, Intent::Delete, Intent::Undo];

/// The number of a word of a closed list.
fn number_of<T: PartialEq>(list: &[T], word: &T) -> u8 {
    let place = list.iter().position(|known| known == word);
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(u8::MAX)
}

fn write(writer: &mut Writer, fields: Option<&mut Writer>, entry: &Intended<'_>) -> Result<()> {
    let change = entry.change;
    writer.number(entry.seq);
    writer.byte(number_of(&OPERATIONS, &change.operation));
    writer.byte(number_of(&SIDES, &entry.side));
    writer.byte(number_of(&INTENTS, &entry.intent));
    writer.text(Some(change.source_key.as_str()))?;
    writer.text(change.target_key.as_ref().map(RecordKey::as_str))?;
    writer.text(change.version.as_deref())?;
    let sent = Some(Json::Object(&change.fields));
    match fields {
        Some(fields) => {
            writer.text(None)?;
            write_json(fields, "change", sent)?;
        }
        None => write_json(writer, "change", sent)?,
    }
    let before = change.before.as_ref().map(Json::Object);
    write_json(writer, "record before the change", before)?;
    // A create sends the whole mapped record: it is not written twice.
    let mapped = (*entry.mapped != change.fields).then_some(Json::Object(entry.mapped));
    write_json(writer, "mapped record", mapped)?;
    write_json(writer, "source record", entry.source)
}

/// Values of a record that is in no journal, for the history.
pub(crate) fn write_values(
    writer: &mut Writer,
    seq: u64,
    after: Option<Json<'_>>,
    before: Option<Json<'_>>,
    source: Option<Json<'_>>,
) -> Result<()> {
    writer.number(seq);
    writer.fixed(&[u8::MAX; 3]);
    writer.text(Some(""))?;
    writer.text(None)?;
    writer.text(None)?;
    write_json(writer, "run record", after)?;
    write_json(writer, "run record", before)?;
    writer.text(None)?;
    write_json(writer, "run record", source)
}

fn write_json(writer: &mut Writer, what: &'static str, json: Option<Json<'_>>) -> Result<()> {
    let Some(json) = json else {
        return writer.text(None);
    };
    let mut result = Ok(());
    writer.text_by(|out| result = json.write(out, what))?;
    result
}

impl<'a> Packed<'a> {
    /// The next one of a packet, and of the packet that has the fields, where there is one.
    pub(crate) fn read(reader: &mut Reader<'a>, fields: Option<&mut Reader<'a>>) -> Option<Self> {
        let mut packed = Self::read_alone(reader)?;
        if let Some(fields) = fields {
            packed.fields = fields.bytes()?;
        }
        Some(packed)
    }

    fn read_alone(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            seq: reader.number()?,
            operation: reader.byte()?,
            side: reader.byte()?,
            intent: reader.byte()?,
            source_key: reader.text()??,
            target_key: reader.text()?,
            version: reader.text()?,
            fields: reader.bytes()?,
            before: reader.bytes()?,
            mapped: reader.bytes()?,
            source: reader.bytes()?,
        })
    }

    fn pending(
        self,
        id: ChangeId,
        mapped_fingerprint: Fingerprint,
        run: RunId,
        sync: SyncId,
    ) -> Option<Pending> {
        let fields = object(self.fields?)?;
        let mapped = match self.mapped {
            Some(mapped) => object(mapped)?,
            None => fields.clone(),
        };
        Some(Pending {
            change: Change {
                id,
                operation: *OPERATIONS.get(usize::from(self.operation))?,
                source_key: RecordKey(self.source_key.into_owned()),
                target_key: self.target_key.map(|key| RecordKey(key.into_owned())),
                fields,
                before: match self.before {
                    Some(before) => Some(object(before)?),
                    None => None,
                },
                version: self.version.map(std::borrow::Cow::into_owned),
            },
            run,
            sync,
            side: *SIDES.get(usize::from(self.side))?,
            intent: *INTENTS.get(usize::from(self.intent))?,
            seq: self.seq,
            mapped_fingerprint,
            mapped,
            source: match self.source {
                Some(source) => Some(json::parse(source).ok()?),
                None => None,
            },
            is_held: false,
        })
    }
}

fn object(text: &[u8]) -> Option<Object> {
    match json::parse(text).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}
