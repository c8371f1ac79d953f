//! The state file: what a trial workspace finds again after a restart.
//!
//! One JSON value per line: a header, then the agreements of each platform, the newest answers for idempotency keys,
//! and every record. Tokens are in it as digests only. The file is replaced as a whole, never written in place.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use crate::{
    Platform,
    collection::Stored,
    http::call::{Answer, JSON},
    oauth::Agreements,
    world::{Stream, World},
};

const NOTICE: &str =
    "Sample data of the sandbox. All people in it are made up. Delete this file to start afresh.";
const VERSION: u64 = 1;
const KEPT_REPLAYS: usize = 200;

/// A picture of the world that can be written without holding its lock.
pub(crate) struct Picture {
    header: Value,
    agreements: Vec<(Platform, Agreements)>,
    replays: Vec<Value>,
    deleted: Vec<Value>,
    records: Vec<(Stream, u64, Stored)>,
}

impl World {
    pub(crate) fn picture(&self) -> Picture {
        let next: Map<String, Value> = Stream::ALL
            .into_iter()
            .map(|stream| {
                (
                    stream.name().to_owned(),
                    json!(self.records(stream).next_number()),
                )
            })
            .collect();
        let header = json!({
            "notice": NOTICE, "version": VERSION, "seed": self.seed, "sizes": self.sizes, "clock_shift_ms": self.clock.shift,
            "last_write_ms": self.clock.last_write, "next": next,
        });
        let agreements = vec![
            (Platform::Harbor, self.harbor_sign_in.agreements.clone()),
            (Platform::Postino, self.postino_sign_in.agreements.clone()),
        ];
        let replays = self
            .replays
            .newest(KEPT_REPLAYS)
            .map(|(key, fingerprint, answer)| {
                json!({"replay": key, "fingerprint": fingerprint, "status": answer.status,
                    "headers": answer.headers, "body": answer.body})
            })
            .collect();
        let (mut records, mut deleted) = (Vec::new(), Vec::new());
        for stream in Stream::ALL {
            let collection = self.records(stream);
            for (at, number) in collection.deleted_after((i64::MIN, 0)) {
                deleted.push(json!({"deleted": place(stream), "number": number, "at": at}));
            }
            for number in collection.order() {
                if let Some(stored) = collection.get(*number) {
                    records.push((stream, *number, stored.clone()));
                }
            }
        }
        Picture {
            header,
            agreements,
            replays,
            deleted,
            records,
        }
    }
}

impl Picture {
    /// Replaces the file.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let beside = beside(path, "new");
        let mut out = BufWriter::new(File::create(&beside)?);
        writeln!(out, "{}", self.header)?;
        for (platform, agreements) in &self.agreements {
            writeln!(
                out,
                "{}",
                json!({"agreements": agreements, "platform": platform})
            )?;
        }
        for line in self.replays.iter().chain(&self.deleted) {
            writeln!(out, "{line}")?;
        }
        for (stream, number, stored) in &self.records {
            writeln!(
                out,
                "{{\"stream\":\"{}\",\"number\":{number},\"updated\":{},\"offset\":{},\"version\":{},\"record\":{}}}",
                place(*stream),
                stored.updated,
                stored.offset,
                stored.version,
                stored.json
            )?;
        }
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&beside, path)
    }
}

/// `harbor/contacts`.
fn place(stream: Stream) -> String {
    format!("{}/{}", stream.platform().name(), stream.name())
}

/// The stream of a place.
fn stream_at(place: &str) -> Option<Stream> {
    let (platform, name) = place.split_once('/')?;
    let platform = Platform::ALL
        .into_iter()
        .find(|known| known.name() == platform)?;
    Stream::named(platform, name)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path
        .file_name()
        .map(std::ffi::OsStr::to_os_string)
        .unwrap_or_default();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// Fills the world from the file; false when there is none. A file that cannot be read is moved aside.
pub(crate) fn read(world: &mut World, path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match take_over(world, file) {
        Ok(()) => Ok(true),
        Err(reason) => {
            let aside = beside(path, "broken");
            tracing::warn!(%reason, aside = %aside.display(), "The sandbox's state file was moved aside; it starts afresh.");
            std::fs::rename(path, aside)?;
            Ok(false)
        }
    }
}

fn take_over(world: &mut World, file: File) -> Result<(), Box<dyn std::error::Error>> {
    let mut complete = false;
    for line in BufReader::new(file).lines() {
        let line = line?;
        let mut value: Value = serde_json::from_str(&line)?;
        if !complete {
            if value.get("version").and_then(Value::as_u64) != Some(VERSION) {
                return Err("it has another version".into());
            }
            take_header(world, &value);
            complete = true;
        } else if let Some(agreements) = value.get_mut("agreements") {
            let agreements: Agreements = serde_json::from_value(agreements.take())?;
            let platform: Platform =
                serde_json::from_value(value.get("platform").cloned().unwrap_or_default())?;
            world.sign_in(platform).agreements = agreements;
        } else if value.get("replay").is_some() {
            take_replay(world, &value);
        } else if value.get("deleted").is_some() {
            take_deleted(world, &value).ok_or("a deletion cannot be read")?;
        } else {
            take_record(world, &mut value).ok_or("a record cannot be read")?;
        }
    }
    if complete {
        Ok(())
    } else {
        Err("it is empty".into())
    }
}

fn take_header(world: &mut World, header: &Value) {
    let number = |name: &str| header.get(name).and_then(Value::as_i64);
    if let Some(seed) = header.get("seed").and_then(Value::as_u64) {
        world.seed = seed;
    }
    if let Some(sizes) = header
        .get("sizes")
        .and_then(|sizes| serde_json::from_value(sizes.clone()).ok())
    {
        world.sizes = sizes;
    }
    if let Some(shift) = number("clock_shift_ms") {
        world.clock.shift = shift.max(0);
    }
    if let Some(last) = number("last_write_ms") {
        world.clock.last_write = last.max(world.clock.last_write);
    }
    for stream in Stream::ALL {
        let next = header.get("next").and_then(|next| next.get(stream.name()));
        if let Some(next) = next.and_then(Value::as_u64) {
            world.records_mut(stream).skip_to(next);
        }
    }
}

fn take_replay(world: &mut World, value: &Value) {
    let text = |name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let mut answer = Answer::text(
        value
            .get("status")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(500),
        text("body"),
    );
    answer.content_type = JSON;
    for name in ["etag", "location"] {
        let headers = value
            .get("headers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for pair in headers.filter(|pair| pair.get(0).and_then(Value::as_str) == Some(name)) {
            answer = answer.with(name, pair.get(1).and_then(Value::as_str).unwrap_or(""));
        }
    }
    world
        .replays
        .keep(text("replay"), text("fingerprint"), answer);
}

fn take_deleted(world: &mut World, value: &Value) -> Option<()> {
    let stream = stream_at(value.get("deleted")?.as_str()?)?;
    let number = value.get("number")?.as_u64()?;
    let at = value.get("at")?.as_i64()?;
    world.records_mut(stream).remember_deleted(number, at);
    Some(())
}

fn take_record(world: &mut World, value: &mut Value) -> Option<()> {
    let stream = stream_at(value.get("stream")?.as_str()?)?;
    let number = value.get("number")?.as_u64()?;
    let updated = value.get("updated")?.as_i64()?;
    let offset = i16::try_from(value.get("offset")?.as_i64()?).ok()?;
    let version = value.get("version")?.as_u64()?;
    let record = match value.get_mut("record")?.take() {
        Value::Object(record) => record,
        _ => return None,
    };
    world
        .records_mut(stream)
        .put(number, record, updated, offset, version);
    Some(())
}

/// Writes the state a moment after a change, again and again, until the server stops.
pub(crate) async fn keep_saved(shared: crate::http::gate::Shared, path: Arc<PathBuf>) {
    use std::time::{Duration, Instant};
    let mut pause = Duration::from_millis(500);
    loop {
        tokio::select! {
            () = shared.stopped() => return,
            () = shared.changed() => {}
        }
        tokio::select! {
            () = shared.stopped() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let began = Instant::now();
        if let Err(error) = save(&shared, &path).await {
            tracing::warn!(%error, path = %path.display(), "The sandbox's state was not saved.");
        }
        // A large state is saved less often.
        pause = Duration::from_millis(500).max(began.elapsed() * 10);
    }
}

/// Writes the state now.
pub(crate) async fn save(
    shared: &crate::http::gate::Shared,
    path: &Arc<PathBuf>,
) -> io::Result<()> {
    let picture = shared.with(|world| world.picture());
    let path = Arc::clone(path);
    match tokio::task::spawn_blocking(move || picture.write(&path)).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}
