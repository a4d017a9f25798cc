//! Values as they may be shown: no header value, no password in a URL, nothing that looks like a credential.

/// What stands in the place of a secret.
const MASK: &str = "***";

/// More than this of one value helps nobody who reads a line.
const LONGEST: usize = 120;

/// Parts of names under which credentials travel.
const SECRET_NAMES: &[&str] = &[
    "key",
    "token",
    "secret",
    "passw",
    "pwd",
    "auth",
    "credential",
    "cookie",
    "session",
];

/// How `Authorization` values start, plain and percent-encoded.
const SECRET_STARTS: &[&str] = &["bearer ", "bearer%20", "basic ", "basic%20"];

/// `text` with everything hidden that looks like a credential, shortened to one line.
///
/// It errs on the side of hiding: a pasted secret may be in any variable.
pub(super) fn text(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if SECRET_STARTS.iter().any(|start| lower.contains(start)) {
        return MASK.to_owned();
    }
    let listed: Vec<_> = text.split(',').map(entry).collect();
    shorten(&listed.join(","))
}

/// `url` without user, password and the values of its query.
pub(super) fn url(url: &str) -> String {
    let (rest, fragment) = split_keep(url, '#');
    let (base, query) = split_keep(rest, '?');
    let (scheme, rest) = match base.find("://") {
        Some(at) => base.split_at(at + 3),
        None => ("", base),
    };
    let slash = rest.find('/').unwrap_or(rest.len());
    // A password may hold a bare slash; then what stands in the place of the port is not a number.
    let odd_port = rest[..slash].rsplit_once(':').is_some_and(|(_, port)| {
        !port
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b']')
    });
    let authority = if odd_port { rest.len() } else { slash };
    let masked = match rest[..authority].rfind('@') {
        Some(at) => format!("{MASK}{}", &rest[at..]),
        None => rest.to_owned(),
    };
    let query = if query.is_empty() { "" } else { "?***" };
    let fragment = if fragment.is_empty() { "" } else { "#***" };
    shorten(&format!("{scheme}{masked}{query}{fragment}"))
}

/// `name=value,..` with every value hidden; entries without a name are hidden whole.
pub(super) fn headers(list: &[(String, String)]) -> String {
    let entries: Vec<_> = list
        .iter()
        .map(|(name, _)| format!("{name}={MASK}"))
        .collect();
    entries.join(",")
}

/// `key=value,..` with the values hidden that are likely to be credentials.
pub(super) fn attributes(list: &[(String, String)]) -> String {
    if list.is_empty() {
        return "none".to_owned();
    }
    let entries: Vec<_> = list
        .iter()
        .map(|(key, value)| match is_secret_name(key) {
            true => format!("{key}={MASK}"),
            false => format!("{key}={}", text(value)),
        })
        .collect();
    entries.join(",")
}

/// `text` on one line and without terminal codes, whatever it holds.
pub(super) fn line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether values under `name` are likely to be credentials.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

fn entry(entry: &str) -> String {
    if entry.contains('@') || entry.contains("://") {
        return url(entry);
    }
    match entry.find(['=', ':']) {
        Some(at) if is_secret_name(&entry[..at]) => format!("{}{MASK}", &entry[..=at]),
        _ => entry.to_owned(),
    }
}

fn split_keep(text: &str, at: char) -> (&str, &str) {
    text.find(at)
        .map_or((text, ""), |index| text.split_at(index))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_of_a_url_are_hidden() {
        assert_eq!(url("https://me:pw@host:1/v1"), "https://***@host:1/v1");
        assert_eq!(url("me:pw@host"), "***@host");
        assert_eq!(url("https://me:p/w@host"), "https://***@host");
        assert_eq!(url("https://host/a@b"), "https://host/a@b");
    }

    #[test]
    fn query_of_a_url_is_hidden() {
        assert_eq!(url("https://host/?token=abc#x"), "https://host/?***#***");
    }

    #[test]
    fn pasted_credential_is_hidden_in_any_variable() {
        assert_eq!(text("Authorization=Bearer abc"), MASK);
        assert_eq!(text("a=1,api-key=abc"), "a=1,api-key=***");
        assert_eq!(text("x-honeycomb-team-key:abc"), "x-honeycomb-team-key:***");
        assert_eq!(text("http://u:p@h,b"), "http://***@h,b");
    }

    #[test]
    fn ordinary_values_are_shown() {
        for value in [
            "-5",
            "parentbased_traceidratio",
            "a=b,c=d",
            "info,my::mod=debug",
        ] {
            assert_eq!(text(value), value);
        }
    }

    #[test]
    fn line_breaks_and_terminal_codes_are_escaped() {
        assert_eq!(line("a\nb\u{1b}[31m".to_owned()), "a\\nb\\u{1b}[31m");
    }

    #[test]
    fn long_values_are_shortened() {
        assert_eq!(text(&"é".repeat(500)).chars().count(), LONGEST + 1);
    }
}
