//! How what a route matches is written.

use sluicegate_core::path::MethodPath;

use super::section::shortened;
use super::value::{Misread, Text};
use crate::route::{HostPattern, PathPrefix, ServicePattern};

impl Text for HostPattern {
    const EXPECTED: &'static str = "a host such as \"api.example.com\", \"*.example.com\" or \"*\"";

    fn parse(text: &str) -> Result<HostPattern, Misread> {
        let misread = |hint: &str| Misread::new(format!("`{}` is no host", shortened(text))).hint(hint);
        if text == "*" {
            return Ok(HostPattern::Any);
        }
        let lower = text.to_ascii_lowercase();
        let is_plain = |host: &str| {
            !host.is_empty()
                && host.split('.').all(|label| !label.is_empty())
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        let is_ipv6 = |host: &str| {
            let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
        };
        if let Some(suffix) = lower.strip_prefix('*') {
            return match suffix.strip_prefix('.') {
                Some(domain) if is_plain(domain) => Ok(HostPattern::Below(suffix.into())),
                _ => {
                    Err(misread("`*` stands alone or for what is left of a domain, as in \"*.example.com\""))
                }
            };
        }
        if is_plain(&lower) || is_ipv6(&lower) {
            return Ok(HostPattern::Exact(lower.into()));
        }
        Err(misread("a host has no scheme, no port and no path"))
    }
}

impl Text for ServicePattern {
    const EXPECTED: &'static str = "a service such as \"chat.v1.Chat\" or \"chat.v1.*\"";

    fn parse(text: &str) -> Result<ServicePattern, Misread> {
        let is_name = |name: &str| {
            name.split('.').all(|part| {
                part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            })
        };
        match text.strip_suffix(".*") {
            _ if text == "*" => Ok(ServicePattern::Any),
            Some(package) if is_name(package) => Ok(ServicePattern::Below(format!("{package}.").into())),
            None if is_name(text) => Ok(ServicePattern::Exact(text.into())),
            _ => Err(Misread::new(format!("`{}` is no service", shortened(text))).hint(
                "write a service with its package, such as \"chat.v1.Chat\", or a package as \"chat.v1.*\"",
            )),
        }
    }
}

impl Text for MethodPath {
    const EXPECTED: &'static str = "a method such as \"/chat.v1.Chat/Say\"";

    fn parse(text: &str) -> Result<MethodPath, Misread> {
        let path = MethodPath::parse_str(text).filter(|path| path.as_str().matches('/').count() == 2);
        path.ok_or_else(|| {
            Misread::new(format!("`{}` is no method", shortened(text)))
                .hint("write a method as \"/package.Service/Method\"; what stands before that goes into `path_prefix`")
        })
    }
}

impl Text for PathPrefix {
    const EXPECTED: &'static str = "a path such as \"/api\"";

    fn parse(text: &str) -> Result<PathPrefix, Misread> {
        let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'%' | b'\\' | b'*');
        let segments_are_plain = || {
            text.trim_end_matches('/').split('/').skip(1).all(|segment| !matches!(segment, "" | "." | ".."))
        };
        if !text.starts_with('/') || !text.bytes().all(plain) || !segments_are_plain() {
            return Err(Misread::new(format!("`{}` is no path prefix", shortened(text)))
                .hint("a path prefix begins with `/` and has no query, escapes, `*`, empty segments or dot segments"));
        }
        Ok(PathPrefix::new(text))
    }
}
