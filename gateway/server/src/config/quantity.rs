//! Lengths of time and numbers of bytes.

use std::fmt;
use std::time::Duration;

use humantime_serde::re::humantime;
use toml::Spanned;
use toml::de::DeValue;

use super::section::shortened;
use super::value::{Misread, Text, Value, expected};
use crate::report::Findings;

/// A length of time, such as `"15s"` or `"1m 30s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Period(Duration);

impl Period {
    /// The shortest that is not zero and that timers can tell.
    pub(super) const MIN: Period = Period(Duration::from_millis(1));
    /// The longest that can be configured, a year. It keeps sums of times far from overflowing.
    pub(super) const MAX: Period = Period(Duration::from_secs(31_557_600));

    pub(super) const fn seconds(seconds: u64) -> Period {
        Period(Duration::from_secs(seconds))
    }

    pub(super) fn get(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", humantime::format_duration(self.0))
    }
}

impl Text for Period {
    const EXPECTED: &'static str = "a duration such as \"15s\"";

    fn parse(text: &str) -> Result<Period, Misread> {
        let misread = || {
            Misread::new(format!("`{}` is no duration", shortened(text)))
                .hint("write a number and a unit: \"250ms\", \"15s\", \"5m\", \"1h 30m\", \"2days\"")
        };
        // The parser is made for short texts.
        if text.len() > 60 {
            return Err(misread());
        }
        let period = Period(humantime::parse_duration(text).map_err(|_| misread())?);
        if period > Period::MAX {
            return Err(Misread::new("this is longer than a year"));
        }
        Ok(period)
    }
}

/// A number of bytes, below 4 GiB: a plain integer, or a string with a unit such as `"16KiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Size(u32);

impl Size {
    pub(super) const MAX: Size = Size(u32::MAX);

    pub(super) const fn bytes(bytes: u32) -> Size {
        Size(bytes)
    }

    pub(super) const fn kib(kib: u32) -> Size {
        Size(kib << 10)
    }

    pub(super) const fn mib(mib: u32) -> Size {
        Size(mib << 20)
    }

    pub(super) fn get(self) -> u32 {
        self.0
    }

    fn parse(text: &str) -> Result<Size, Misread> {
        let misread = || {
            Misread::new(format!("`{}` is no size", shortened(text)))
                .hint("write a number and one of the units B, KiB, MiB and GiB, such as \"16KiB\"")
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits).ok_or_else(misread)?;
        let shift = match unit.trim_start_matches(' ') {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(misread()),
        };
        if number.is_empty() {
            return Err(misread());
        }
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        match bytes.map(u32::try_from) {
            Some(Ok(bytes)) => Ok(Size(bytes)),
            _ => Err(Misread::new("a size is less than 4 GiB")),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        match bytes.trailing_zeros() {
            _ if bytes == 0 => f.write_str("0"),
            30.. => write!(f, "\"{}GiB\"", bytes >> 30),
            20.. => write!(f, "\"{}MiB\"", bytes >> 20),
            10.. => write!(f, "\"{}KiB\"", bytes >> 10),
            _ => write!(f, "{bytes}"),
        }
    }
}

impl Value for Size {
    const EXPECTED: &'static str = "a size such as \"16KiB\", or a number of bytes";

    fn read(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<Size> {
        match value.get_ref() {
            DeValue::Integer(_) => u32::read(value, findings).map(Size),
            DeValue::String(text) => {
                Size::parse(text).map_err(|misread| misread.note(value.span(), findings)).ok()
            }
            _ => expected(value, findings),
        }
    }
}
