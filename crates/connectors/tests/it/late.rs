//! Records that a cursor could miss: without a time, with the same time, late, or by another clock.

use std::sync::Arc;
use std::sync::Mutex;

use connectors::Page;
use connectors::declarative::platform::Platform;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::odd_server::{OddServer, Reply};
use crate::reach::{hasty, keys, odd, pages, whole};

/// A thing's id, and when it changed.
type Row = (&'static str, Option<Timestamp>);

/// A platform with things that it filters by `since` and `until`, inclusive; what has no time is left out then.
struct Things {
    server: OddServer,
    rows: Arc<Mutex<Vec<Row>>>,
}

/// Now, by the platform's clock, which is ahead of ours by `ahead`.
fn platform_now(ahead: SignedDuration) -> Timestamp {
    let now = model::clock::Clock::system().timestamp();
    now.checked_add(ahead).unwrap()
}

impl Things {
    async fn start(ahead: SignedDuration) -> Self {
        let rows: Arc<Mutex<Vec<Row>>> = Arc::default();
        let seen = rows.clone();
        let server = OddServer::start(move |request| {
            let bound = |name: &str| {
                let (_, rest) = request.target.split_once(&format!("{name}="))?;
                let text = rest.split('&').next()?.replace("%3A", ":");
                Some(text.parse::<Timestamp>().unwrap_or_else(|error| panic!("{text}: {error}")))
            };
            let (since, until) = (bound("since"), bound("until"));
            let is_wanted = |at: &Option<Timestamp>| match at {
                Some(at) => since.is_none_or(|since| *at >= since) && until.is_none_or(|until| *at <= until),
                None => since.is_none_or(|since| since.as_second() == 0),
            };
            let data: Vec<_> = seen
                .lock()
                .unwrap()
                .iter()
                .filter(|(_, at)| is_wanted(at))
                .map(|(id, at)| json!({"id": id, "at": at.map(|at| at.to_string())}))
                .collect();
            let date = jiff::fmt::rfc2822::DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&platform_now(ahead))
                .unwrap();
            let body = json!({"data": data}).to_string();
            Reply::Raw(
                format!(
                    "HTTP/1.1 200 x\r\nconnection: close\r\ncontent-type: application/json\r\ndate: {date}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )
                .into_bytes(),
            )
        })
        .await;
        Self { server, rows }
    }

    fn put(&self, id: &'static str, at: Option<Timestamp>) {
        let mut rows = self.rows.lock().unwrap();
        rows.retain(|(known, _)| *known != id);
        rows.push((id, at));
    }

    fn connected(&self, cursor: &str) -> Platform {
        let yaml = format!(
            "streams:
  - type: DeclarativeStream
    name: things
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {{type: HttpRequester, url_base: \"{{{{ config['base_url'] }}}}\", path: things}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: [data]}}}}
    incremental_sync:
      type: DatetimeBasedCursor
      cursor_field: at
      datetime_format: '%Y-%m-%dT%H:%M:%SZ'
      start_datetime: '1970-01-01T00:00:00Z'
      {cursor}
"
        );
        odd(&self.server.url(), &yaml, hasty())
    }
}

const SINCE: &str =
    "start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: since}";
const UNTIL: &str = "\n      end_time_option: {type: RequestOption, inject_into: request_parameter, field_name: until}";

async fn read(platform: &Platform, before: Option<&[Page]>) -> Vec<Page> {
    let mut request = whole("things");
    // As it is kept: null is none.
    request.cursor = before
        .and_then(|pages| pages.last()?.cursor.clone())
        .filter(|cursor| !cursor.is_null());
    pages(platform, request).await.unwrap()
}

fn ago(minutes: i64) -> Option<Timestamp> {
    Some(platform_now(SignedDuration::from_mins(-minutes)))
}

#[tokio::test]
async fn records_that_have_no_time_until_they_are_edited_are_read_again_until_none_is_left() {
    let things = Things::start(SignedDuration::ZERO).await;
    let platform = things.connected(SINCE);
    things.put("edited", ago(600));
    things.put("new", None);
    let first = read(&platform, None).await;
    assert_eq!(keys(&first), ["edited", "new"]);
    assert_eq!(first.last().unwrap().cursor, Some(serde_json::Value::Null));
    // The platform would leave it out of what changed since.
    things.put("newer", None);
    let second = read(&platform, Some(&first)).await;
    assert_eq!(keys(&second), ["edited", "new", "newer"]);

    // Once all have a time, only what changed comes.
    things.put("new", ago(300));
    things.put("newer", ago(200));
    let third = read(&platform, Some(&second)).await;
    assert_eq!(keys(&third).len(), 3);
    let cursor = third.last().unwrap().cursor.clone().unwrap();
    assert!(cursor["at"].is_string(), "{cursor}");
    assert_eq!(keys(&read(&platform, Some(&third)).await), ["newer"]);
}

#[tokio::test]
async fn a_record_without_a_time_is_not_left_out_here_and_moves_no_cursor() {
    let things = Things::start(SignedDuration::ZERO).await;
    let platform = things.connected("is_client_side_incremental: true");
    things.put("old", ago(600));
    things.put("never edited", None);
    let first = read(&platform, None).await;
    let cursor = |pages: &[Page]| pages.last().unwrap().cursor.clone().unwrap();
    let at = ago(600).unwrap().to_string();
    assert_eq!(cursor(&first)["at"].as_str().unwrap()[..15], at[..15]);
    things.put("older", ago(700));
    let second = read(&platform, Some(&first)).await;
    assert_eq!(keys(&second), ["old", "never edited"]);
    assert_eq!(cursor(&second), cursor(&first));
}

#[tokio::test]
async fn records_with_the_same_time_or_one_that_is_over_are_found_by_the_overlap() {
    let things = Things::start(SignedDuration::ZERO).await;
    let platform = things.connected(SINCE);
    things.put("far", ago(600));
    things.put("first", ago(60));
    let first = read(&platform, None).await;
    // Written after the read: at the same moment, and up to five minutes before it.
    let same = things.rows.lock().unwrap()[1].1;
    things.put("same", same);
    things.put("late", ago(64));
    things.put("too late", ago(70));
    let second = read(&platform, Some(&first)).await;
    assert_eq!(keys(&second), ["first", "same", "late"]);

    // What the file says counts, and the low-code format itself knows no overlap.
    let declared = things.connected(&format!("lookback_window: PT20M\n      {SINCE}"));
    assert_eq!(
        keys(&read(&declared, Some(&first)).await),
        ["first", "same", "late", "too late"]
    );
    let cursor = first.last().unwrap().cursor.clone().unwrap();
    let context = platform.context(connectors::Access::unattended());
    let mut request = whole("things");
    request.cursor = Some(cursor);
    let mut reader = connectors::declarative::reading::Reader::begin(context, request)
        .await
        .unwrap();
    let page = connectors::PageReader::next(&mut reader)
        .await
        .unwrap()
        .unwrap();
    let ids: Vec<_> = page
        .records
        .iter()
        .map(|record| record.key.clone().unwrap().0)
        .collect();
    assert_eq!(ids, ["first", "same"]);
}

#[tokio::test]
async fn a_cursor_never_passes_the_platforms_clock() {
    let things = Things::start(SignedDuration::ZERO).await;
    let platform = things.connected(SINCE);
    things.put(
        "from the future",
        Some(platform_now(SignedDuration::from_hours(24))),
    );
    let first = read(&platform, None).await;
    let at = first.last().unwrap().cursor.clone().unwrap()["at"].clone();
    let at: Timestamp = at.as_str().unwrap().parse().unwrap();
    assert!(at <= platform_now(SignedDuration::ZERO), "{at}");
    things.put("now", ago(0));
    assert_eq!(
        keys(&read(&platform, Some(&first)).await),
        ["from the future", "now"]
    );
}

#[tokio::test]
async fn the_platforms_clock_is_measured_and_reads_end_by_it() {
    let ahead = SignedDuration::from_hours(2);
    let things = Things::start(ahead).await;
    let platform = things.connected(&format!("{SINCE}{UNTIL}"));
    assert_eq!(platform.clock_skew(), None);
    things.put("old", Some(platform_now(SignedDuration::from_hours(-1))));
    let first = read(&platform, None).await;
    let skew = platform.clock_skew().unwrap();
    assert!(
        skew.checked_sub(ahead).unwrap().abs() <= SignedDuration::from_secs(2),
        "{skew:?}"
    );
    // It is later there than here.
    things.put("new", Some(platform_now(SignedDuration::from_mins(90))));
    assert_eq!(keys(&read(&platform, Some(&first)).await), ["old", "new"]);

    // Ours may be ahead as well.
    let things = Things::start(-ahead).await;
    let platform = things.connected(SINCE);
    things.put("old", Some(platform_now(SignedDuration::from_hours(-3))));
    read(&platform, None).await;
    let skew = platform.clock_skew().unwrap();
    assert!(skew.is_negative(), "{skew:?}");
}
