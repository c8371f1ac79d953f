//! Everything the two platforms know, behind one lock. All of it is plain synchronous code: a request is one call
//! into here, so what one request did is there for the next.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value, json};

use crate::{
    Platform,
    clock::Clock,
    collection::Collection,
    counters::Counters,
    doors::Doors,
    faults::Faults,
    harbor::{self, Harbor},
    http::call::Answer,
    oauth::Authority,
    postino::{self, Postino},
    random::Random,
    rest::jobs::Jobs,
};

/// A stream of one of the platforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Contacts,
    Companies,
    Deals,
    Subscribers,
    Lists,
    Campaigns,
}

impl Stream {
    pub(crate) const ALL: [Stream; 6] = [
        Stream::Contacts,
        Stream::Companies,
        Stream::Deals,
        Stream::Subscribers,
        Stream::Lists,
        Stream::Campaigns,
    ];

    pub(crate) fn platform(self) -> Platform {
        match self {
            Stream::Contacts | Stream::Companies | Stream::Deals => Platform::Harbor,
            Stream::Subscribers | Stream::Lists | Stream::Campaigns => Platform::Postino,
        }
    }

    /// Where its records are found.
    pub(crate) fn path(self) -> String {
        let base = match self.platform() {
            Platform::Harbor => "/harbor/api/v1",
            Platform::Postino => "/postino/api",
        };
        format!("{base}/{}", self.name())
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Stream::Contacts => "contacts",
            Stream::Companies => "companies",
            Stream::Deals => "deals",
            Stream::Subscribers => "subscribers",
            Stream::Lists => "lists",
            Stream::Campaigns => "campaigns",
        }
    }

    pub(crate) fn named(platform: Platform, name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|stream| stream.platform() == platform && stream.name() == name)
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// Contacts and subscribers to begin with.
    pub(crate) sizes: (usize, usize),
    /// `http://127.0.0.1:PORT`.
    pub(crate) origin: String,
    pub(crate) clock: Clock,
    pub(crate) harbor: Harbor,
    pub(crate) postino: Postino,
    pub(crate) harbor_sign_in: Authority,
    pub(crate) postino_sign_in: Authority,
    pub(crate) faults: Faults,
    pub(crate) counters: Counters,
    pub(crate) replays: Replays,
    pub(crate) jobs: Jobs,
    pub(crate) rates: Rates,
    pub(crate) doors: Doors,
    /// Milliseconds for which the platforms tell what was deleted.
    pub(crate) deletions_kept: i64,
    /// Seconds between two questions of a device.
    pub(crate) device_interval: u64,
    /// Grows with every change that is worth saving.
    pub(crate) changes: u64,
}

impl World {
    pub(crate) fn new(options: &crate::Options, origin: String) -> Self {
        let authority = |platform| Authority::new(platform, options.access_token_lifetime);
        Self {
            seed: options.seed,
            sizes: (options.contacts, options.existing_subscribers),
            origin,
            clock: Clock::new(),
            harbor: Harbor::empty(),
            postino: Postino::empty(),
            harbor_sign_in: authority(Platform::Harbor),
            postino_sign_in: authority(Platform::Postino),
            faults: Faults::default(),
            counters: Counters::default(),
            replays: Replays::default(),
            jobs: Jobs::default(),
            rates: Rates {
                limit: options.rate_limit_per_minute,
                window: i64::try_from(options.rate_limit_window.as_millis())
                    .unwrap_or(i64::MAX)
                    .max(1),
                used: HashMap::new(),
            },
            doors: Doors::default(),
            deletions_kept: i64::try_from(options.deletions_kept.as_millis()).unwrap_or(i64::MAX),
            device_interval: options.device_interval.as_secs(),
            changes: 0,
        }
    }

    /// Back to the data of the seed; sign-ins stay.
    pub(crate) fn fill(&mut self) {
        let (contacts, subscribers) = self.sizes;
        self.harbor = harbor::sample::harbor(self.seed, contacts);
        self.postino = postino::sample::postino(self.seed, contacts, subscribers);
        self.replays = Replays::default();
        self.jobs = Jobs::default();
        self.changes += 1;
    }

    pub(crate) fn records(&self, stream: Stream) -> &Collection {
        match stream {
            Stream::Contacts => &self.harbor.contacts,
            Stream::Companies => &self.harbor.companies,
            Stream::Deals => &self.harbor.deals,
            Stream::Subscribers => &self.postino.subscribers,
            Stream::Lists => &self.postino.lists,
            Stream::Campaigns => &self.postino.campaigns,
        }
    }

    pub(crate) fn records_mut(&mut self, stream: Stream) -> &mut Collection {
        match stream {
            Stream::Contacts => &mut self.harbor.contacts,
            Stream::Companies => &mut self.harbor.companies,
            Stream::Deals => &mut self.harbor.deals,
            Stream::Subscribers => &mut self.postino.subscribers,
            Stream::Lists => &mut self.postino.lists,
            Stream::Campaigns => &mut self.postino.campaigns,
        }
    }

    pub(crate) fn sign_in(&mut self, platform: Platform) -> &mut Authority {
        match platform {
            Platform::Harbor => &mut self.harbor_sign_in,
            Platform::Postino => &mut self.postino_sign_in,
        }
    }

    /// Everything in a stream, in id order, as a JSON array.
    pub(crate) fn all(&self, stream: Stream) -> String {
        let records = self.records(stream);
        records.array(records.order().iter().copied())
    }

    /// Changes so many records, chosen by the seed, as people would; gives their ids.
    pub(crate) fn edit_some(&mut self, stream: Stream, count: usize, seed: u64) -> Vec<String> {
        let now = self.clock.write_time();
        let chosen = self.choose(stream, count, seed);
        for number in &chosen {
            let records = self.records_mut(stream);
            let Some(mut record) = records.record(*number) else {
                continue;
            };
            let offset = records.get(*number).map_or(0, |stored| stored.offset);
            let mut random = Random::new(seed, "edit", *number);
            match stream {
                Stream::Contacts => {
                    let time = crate::clock::rfc3339(now, offset);
                    harbor::sample::edit(&mut record, &mut random, &time);
                }
                Stream::Subscribers => postino::sample::edit(&mut record, &mut random),
                Stream::Companies | Stream::Deals | Stream::Lists | Stream::Campaigns => continue,
            }
            records.change(*number, record, now);
        }
        self.changes += 1;
        self.ids(stream, &chosen)
    }

    pub(crate) fn delete_some(&mut self, stream: Stream, count: usize, seed: u64) -> Vec<String> {
        let now = self.clock.write_time();
        let chosen = self.choose(stream, count, seed);
        for number in &chosen {
            self.records_mut(stream).delete(*number, now);
        }
        self.changes += 1;
        self.ids(stream, &chosen)
    }

    /// New contacts of the same kind as the sample's, with the time of now.
    pub(crate) fn add_contacts(&mut self, count: usize) -> Vec<String> {
        let now = self.clock.write_time();
        let mut numbers = Vec::new();
        for _ in 0..count {
            let number = self.harbor.contacts.next_number();
            let (record, _, offset) =
                harbor::sample::contact(self.seed, number.saturating_sub(harbor::FIRST_CONTACT));
            numbers.push(self.harbor.contacts.create(record, now, offset));
        }
        self.changes += 1;
        self.ids(Stream::Contacts, &numbers)
    }

    fn choose(&self, stream: Stream, count: usize, seed: u64) -> Vec<u64> {
        Random::new(seed, "choose", 0).choose(self.records(stream).order(), count)
    }

    fn ids(&self, stream: Stream, numbers: &[u64]) -> Vec<String> {
        numbers
            .iter()
            .map(|number| self.records(stream).id(*number))
            .collect()
    }

    pub(crate) fn overview(&self) -> Value {
        let mut out = Map::new();
        out.insert("notice".into(), json!("sample data"));
        out.insert("seed".into(), json!(self.seed));
        for stream in Stream::ALL {
            out.insert(stream.name().into(), json!(self.records(stream).len()));
        }
        out.insert(
            "harbor_url".into(),
            json!(format!("{}/harbor/", self.origin)),
        );
        out.insert(
            "postino_url".into(),
            json!(format!("{}/postino/", self.origin)),
        );
        Value::Object(out)
    }
}

/// Answers kept for idempotency keys: the oldest go first when they take too much room.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    answers: HashMap<String, (String, Answer)>,
    order: VecDeque<String>,
    bytes: usize,
}

const MAX_REPLAY_BYTES: usize = 64 * 1024 * 1024;

impl Replays {
    /// The fingerprint of the request that used this key, and its answer.
    pub(crate) fn get(&self, key: &str) -> Option<(&str, &Answer)> {
        self.answers
            .get(key)
            .map(|(fingerprint, answer)| (fingerprint.as_str(), answer))
    }

    pub(crate) fn keep(&mut self, key: String, fingerprint: String, answer: Answer) {
        self.bytes += answer.body.len() + key.len();
        self.order.push_back(key.clone());
        self.answers.insert(key, (fingerprint, answer));
        while self.bytes > MAX_REPLAY_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some((_, answer)) = self.answers.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(answer.body.len() + oldest.len());
            }
        }
    }

    /// The newest answers, oldest of them first.
    pub(crate) fn newest(&self, count: usize) -> impl Iterator<Item = (&str, &str, &Answer)> {
        let skip = self.order.len().saturating_sub(count);
        self.order.iter().skip(skip).filter_map(|key| {
            let (fingerprint, answer) = self.answers.get(key)?;
            Some((key.as_str(), fingerprint.as_str(), answer))
        })
    }
}

/// Requests per credential in the present window.
#[derive(Debug)]
pub(crate) struct Rates {
    limit: Option<u32>,
    /// Milliseconds.
    window: i64,
    used: HashMap<String, (i64, u32)>,
}

/// What the rate limit says to one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Seconds until the window ends, rounded up.
    pub(crate) reset: i64,
    pub(crate) refused: bool,
}

impl Rates {
    pub(crate) fn take(&mut self, credential: &str, now: i64) -> Option<Rate> {
        let limit = self.limit?;
        let window = self.window;
        if self.used.len() > 1000 {
            self.used.retain(|_, (start, _)| *start + window > now);
        }
        let (start, used) = self.used.entry(credential.to_owned()).or_insert((now, 0));
        if *start + window <= now {
            (*start, *used) = (now, 0);
        }
        let refused = *used >= limit;
        if !refused {
            *used += 1;
        }
        Some(Rate {
            limit,
            remaining: limit - *used,
            reset: ((*start + window - now) + 999) / 1000,
            refused,
        })
    }
}
