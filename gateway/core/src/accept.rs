//! Lists of what a peer takes: `accept`, `accept-encoding` and their like.

use std::cmp::Reverse;

use http::HeaderValue;

/// The items of lists without their parameters, the best first, and among equals in the peer's own order.
///
/// Those whose weight is 0, or cannot be read, are left out. Source: RFC 9110, section 12.4.2.
pub(crate) fn by_weight<'a>(lists: impl IntoIterator<Item = &'a HeaderValue>) -> Vec<&'a [u8]> {
    let items = lists.into_iter().flat_map(|list| list.as_bytes().split(|&byte| byte == b','));
    let mut weighted: Vec<(u16, &[u8])> = items.filter_map(read).collect();
    weighted.sort_by_key(|(weight, _)| Reverse(*weight));
    weighted.into_iter().map(|(_, item)| item).collect()
}

/// An item and its weight in thousandths.
fn read(item: &[u8]) -> Option<(u16, &[u8])> {
    let mut parts = item.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = match parts.find_map(|part| part.strip_prefix(b"q=").or(part.strip_prefix(b"Q="))) {
        None => 1000,
        // What is no number at all is 0 then.
        Some(weight) => {
            (std::str::from_utf8(weight).ok()?.parse::<f32>().ok()?.clamp(0.0, 1.0) * 1000.0).round() as u16
        }
    };
    (weight > 0).then_some((weight, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_first() {
        let check = |lists: &[&str], want: &[&str]| {
            let lists: Vec<HeaderValue> = lists.iter().map(|list| list.parse().unwrap()).collect();
            let items: Vec<&str> =
                by_weight(&lists).into_iter().map(|item| std::str::from_utf8(item).unwrap()).collect();
            assert_eq!(items, want, "{lists:?}");
        };
        check(&[], &[]);
        check(&["", " , "], &[]);
        check(&["a, b ,c"], &["a", "b", "c"]);
        check(&["a, b", "c"], &["a", "b", "c"]);
        check(&["a;q=0.5, b, c; Q=0.75;x=y, d;x=y;q=1.0"], &["b", "d", "c", "a"]);
        check(&["a;q=0, b;q=0.000, c;q=0.001"], &["c"]);
        check(&["a;q=7, b;q=0.9"], &["a", "b"]);
        check(&["a;q=, b;q=x, c;q=NaN, d;q=-1, e;q"], &["e"]);
    }
}
