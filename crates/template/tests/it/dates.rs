//! Dates, times and durations.

use crate::table::check;

#[test]
fn dates_and_durations_can_be_computed_with() {
    check(&[
        ("{{ now_utc() }}", r#""2026-01-15 12:34:56.789012+00:00""#),
        ("{{ today_utc() }}", r#""2026-01-15""#),
        (
            "{{ now_utc().strftime('%Y-%m-%dT%H:%M:%S.%fZ') }}",
            r#""2026-01-15T12:34:56.789012Z""#,
        ),
        (
            "{{ now_utc().strftime('%a %A %b %B %d %j %U %V %G %u %w %y %I %p %Z %z %% %-d %e %s') }}",
            r#""Thu Thursday Jan January 15 015 02 03 2026 4 4 26 12 PM UTC +0000 % 15 15 1768480496""#,
        ),
        (
            "{{ now_utc().isoformat() }} {{ now_utc().timestamp() }} {{ now_utc().weekday() }} {{ now_utc().isoweekday() }}",
            r#""2026-01-15T12:34:56.789012+00:00 1768480496.789012 3 4""#,
        ),
        (
            "{{ (now_utc() - duration('P1DT2H')).strftime('%Y-%m-%d %H:%M') }}",
            r#""2026-01-14 10:34""#,
        ),
        (
            "{{ (str_to_datetime(config.start) + duration('P1M')).isoformat() }}",
            r#""2024-02-29T10:20:30+00:00""#,
        ),
        (
            "{{ (str_to_datetime('2024-02-29') - duration('P1Y')).isoformat() }}",
            r#""2023-02-28T00:00:00+00:00""#,
        ),
        ("{{ (today_utc() - duration('P3D')) }}", r#""2026-01-12""#),
        ("{{ now_utc() > str_to_datetime(config.start) }}", "True"),
        (
            "{{ (now_utc() - str_to_datetime(config.start)).days }} {{ (now_utc() - str_to_datetime(config.start)).total_seconds() }}",
            r#""715 61784066.789012""#,
        ),
        (
            "{{ now_utc() - str_to_datetime(config.start) }}",
            r#""715 days, 2:14:26.789012""#,
        ),
        (
            "{{ duration('P1Y2M3DT4H5M6.5S') }} {{ duration('PT36H') }} {{ duration('P2W') }}",
            r#""1 years, 2 months, 3 days, 4:05:06.500000 1 day, 12:00:00 14 days, 0:00:00""#,
        ),
        (
            "{{ duration('PT1H') * 3 }} {{ duration('P1D') / 2 }} {{ duration('P1D') // duration('PT7H') }} {{ -duration('PT1H') }}",
            r#""3:00:00 12:00:00 3 -1 day, 23:00:00""#,
        ),
        (
            "{{ str_to_datetime('2024-01-15T10:20:30.123456+02:00') }} {{ str_to_datetime('20240115') }} {{ str_to_datetime('2024-W03-2') }} {{ str_to_datetime('2024-032') }}",
            r#""2024-01-15 08:20:30.123456+00:00 2024-01-15 00:00:00+00:00 2024-01-16 00:00:00+00:00 2024-02-01 00:00:00+00:00""#,
        ),
        (
            "{{ timestamp('2024-01-15T00:00:00Z') }} {{ timestamp(1658505815.9) }}",
            r#""1705276800.0 1658505815""#,
        ),
        (
            "{{ format_datetime('2024-01-15T10:20:30Z', '%d.%m.%y') }} {{ format_datetime('2024-01-15T10:20:30.5Z', '%s') }} {{ format_datetime('2024-01-15T10:20:30.5Z', '%ms') }} {{ format_datetime('2024-01-15T10:20:30.5Z', '%Y-%m-%dT%H:%M:%S.%_msZ') }} {{ format_datetime('2024-01-15T10:20:30.5Z', '%epoch_microseconds') }} {{ format_datetime('2024-01-15T10:20:30.5Z', '%s_as_float') }}",
            r#""15.01.24 1705314030 1705314030500 2024-01-15T10:20:30.500Z 1705314030500000 1705314030.5""#,
        ),
        (
            "{{ format_datetime(1700000000, '%Y-%m-%d') }} {{ format_datetime(1700000000123, '%Y-%m-%d', '%ms') }} {{ format_datetime('15/01/24', '%Y-%m-%d', '%d/%m/%y') }} {{ format_datetime('Jan 5 2024 +0130', '%Y-%m-%d %z', '%b %d %Y %z') }}",
            r#""2023-11-14 2023-11-14 2024-01-15 2024-01-05 +0130""#,
        ),
        (
            "{{ day_delta(-30, '%Y-%m-%d') }} {{ day_delta(1) }}",
            r#""2025-12-16 2026-01-16T12:34:56.789012+0000""#,
        ),
        (
            "{{ now_utc().replace(day=1, hour=0, minute=0, second=0, microsecond=0) }} {{ now_utc().date() }} {{ now_utc().year }}",
            r#""2026-01-01 00:00:00+00:00 2026-01-15 2026""#,
        ),
        (
            "{{ today_with_timezone('Pacific/Kiritimati') }}",
            r#""2026-01-16""#,
        ),
        (
            "{{ max(str_to_datetime('2024-01-01'), str_to_datetime('2024-02-01')).month }} {{ min('b', 'a') }} {{ max([3, 9, 2]) }}",
            r#""2 a 9""#,
        ),
        (
            "{{ now_utc().strptime('2024-03-01 7', '%Y-%m-%d %H').isoformat() }} {{ now_utc().fromtimestamp(0).year }}",
            r#""2024-03-01T07:00:00 1970""#,
        ),
        (
            "{{ sanitize_url('a b&c/d') }} {{ camel_case_to_snake_case('someCamelCase') }}",
            r#""a+b%26c%2Fd some_camel_case""#,
        ),
    ]);
}
