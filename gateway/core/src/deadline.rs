//! The `grpc-timeout` header: how long a call may still take.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, "Timeout".

use std::time::Duration;

use http::HeaderValue;

/// A `grpc-timeout` that is not 1 to 8 digits and one of `H M S m u n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("grpc-timeout must be 1 to 8 digits followed by one of H, M, S, m, u, n")]
pub struct BadTimeout;

/// Reads a `grpc-timeout` value.
pub fn parse_timeout(value: &[u8]) -> Result<Duration, BadTimeout> {
    let (unit, digits) = value.split_last().ok_or(BadTimeout)?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(BadTimeout);
    }
    let number = digits.iter().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    Ok(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return Err(BadTimeout),
    })
}

/// Writes what remains as a `grpc-timeout` value: rounded down, in the finest unit whose number has at most 8 digits.
pub fn format_timeout(remaining: Duration) -> HeaderValue {
    const MOST: u128 = 99_999_999;
    let (number, unit) = if remaining.as_nanos() <= MOST {
        (remaining.as_nanos(), 'n')
    } else if remaining.as_micros() <= MOST {
        (remaining.as_micros(), 'u')
    } else if remaining.as_millis() <= MOST {
        (remaining.as_millis(), 'm')
    } else if u128::from(remaining.as_secs()) <= MOST {
        (u128::from(remaining.as_secs()), 'S')
    } else {
        (u128::from(remaining.as_secs() / 3600).min(MOST), 'H')
    };
    // Digits and one letter are always a valid header value.
    HeaderValue::try_from(format!("{number}{unit}")).unwrap_or(HeaderValue::from_static("0n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_unit() {
        let check = |text: &str, want| assert_eq!(parse_timeout(text.as_bytes()), Ok(want), "{text}");
        check("1H", Duration::from_secs(3600));
        check("2M", Duration::from_secs(120));
        check("15S", Duration::from_secs(15));
        check("200m", Duration::from_millis(200));
        check("7u", Duration::from_micros(7));
        check("0n", Duration::ZERO);
        check("99999999H", Duration::from_secs(99_999_999 * 3600));
    }

    #[test]
    fn refuses_the_rest() {
        for bad in ["", "S", "5", "-1S", "1.5S", "100000000n", "1x", "1 S", "+1S"] {
            assert_eq!(parse_timeout(bad.as_bytes()), Err(BadTimeout), "{bad:?}");
        }
    }

    #[test]
    fn never_forwards_more_than_remains() {
        for nanos in [0, 1, 999, 99_999_999, 100_000_000, 1_999_999_999, 86_400_000_000_001, u64::MAX] {
            let remaining = Duration::from_nanos(nanos);
            let sent = parse_timeout(format_timeout(remaining).as_bytes()).unwrap();
            assert!(sent <= remaining, "{sent:?} > {remaining:?}");
            assert!(remaining - sent <= remaining / 100 + Duration::from_secs(1));
        }
    }
}
