//! Times as people write them: `2h`, `2 hours ago`, `2026-11-24`, `yesterday 10:05`, `monday`, `Nov 24 10:05`.

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};

use crate::answer::TimeFrame;
use crate::cli::TimeFrameArgs;
use crate::line::Moment;

const DAY_MS: i64 = 86_400_000;

/// A span of time: `90s`, `15m`, `2h`, `7d`, `4w`, `1h30m`, `2 hours`. Milliseconds.
pub(super) fn span(text: &str) -> Result<i64> {
    let wrong = || format!("`{text}` is no span of time: write 90s, 15m, 2h, 7d or 4w");
    let mut rest = text.trim();
    let mut sum = 0_i64;
    if rest.is_empty() {
        bail!(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(digits);
        let behind = behind.trim_start();
        let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, behind) = behind.split_at(letters);
        let unit = match unit.to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            _ => bail!(wrong()),
        };
        let millis = number
            .parse::<i64>()
            .ok()
            .and_then(|number| number.checked_mul(unit * 1000));
        sum = millis.and_then(|millis| sum.checked_add(millis)).with_context(wrong)?;
        rest = behind.trim_start();
    }
    Ok(sum)
}

/// A moment in UTC, or a span before now.
pub(super) fn moment(text: &str) -> Result<Moment> {
    moment_at(text, now())
}

fn moment_at(text: &str, now: Moment) -> Result<Moment> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment(at.timestamp_millis()));
    }
    for format in [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
    ] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(Moment(at.and_utc().timestamp_millis()));
        }
    }
    let lower = text.to_ascii_lowercase();
    if lower == "now" {
        return Ok(now);
    }
    if let Ok(millis) = span(lower.strip_suffix("ago").unwrap_or(&lower)) {
        return Ok(Moment(now.0.saturating_sub(millis)));
    }
    // A day, a time of today, or both.
    let (date, time) = match clock(&lower) {
        Some(time) => ("today", Some(time)),
        None => match lower
            .rsplit_once(' ')
            .and_then(|(date, time)| Some((date, clock(time)?)))
        {
            Some((date, time)) => (date.trim_end(), Some(time)),
            None => (lower.as_str(), None),
        },
    };
    match day(date, now) {
        Some(day) => Ok(Moment(
            day.and_time(time.unwrap_or(NaiveTime::MIN))
                .and_utc()
                .timestamp_millis(),
        )),
        None => bail!(
            "`{text}` is no time: write 2026-11-24, '2026-11-24 10:05', 2026-11-24T10:05:00Z, 10:05 (today), today, yesterday, monday, \
             'Nov 24 10:05', or 2h (ago); all in UTC"
        ),
    }
}

/// `10:05`, `10:05:30`
fn clock(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S"]
        .iter()
        .find_map(|format| NaiveTime::parse_from_str(text, format).ok())
}

/// A date, `today`, `yesterday`, the last such day of the week, or month and day as syslog writes them: the last such.
fn day(text: &str, now: Moment) -> Option<NaiveDate> {
    let today = DateTime::from_timestamp_millis(now.0.div_euclid(DAY_MS) * DAY_MS)?.date_naive();
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day);
    }
    match text {
        "today" => return Some(today),
        "yesterday" => return today.pred_opt(),
        _ => {}
    }
    let name = text.strip_prefix("last ").unwrap_or(text);
    if let Ok(weekday) = name.parse::<Weekday>() {
        let back = (today.weekday().num_days_from_monday() + 7 - weekday.num_days_from_monday()) % 7;
        // On a Monday, `monday` is a week ago: for the day itself there is `today`.
        let back = if back == 0 { 7 } else { back };
        return today.checked_sub_days(chrono::Days::new(u64::from(back)));
    }
    let of_year = |year: i32| NaiveDate::parse_from_str(&format!("{text} {year}"), "%b %e %Y").ok();
    of_year(today.year())
        .filter(|day| *day <= today)
        .or_else(|| of_year(today.year() - 1))
}

/// The time now.
pub(super) fn now() -> Moment {
    Moment(Utc::now().timestamp_millis())
}

/// Of the flags --last, --since and --until.
pub(super) fn frame(args: &TimeFrameArgs) -> Result<TimeFrame> {
    if let Some(last) = &args.last {
        let span = span(last).context("--last")?;
        return Ok(TimeFrame {
            from: Some(Moment(now().0 - span)),
            until: None,
        });
    }
    let read = |text: &Option<String>, flag| text.as_deref().map(moment).transpose().context(flag);
    let (from, until) = (read(&args.since, "--since")?, read(&args.until, "--until")?);
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        anyhow::bail!("--since {from} is not before --until {until}");
    }
    Ok(TimeFrame { from, until })
}
