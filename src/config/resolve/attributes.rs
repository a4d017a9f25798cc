//! Lists `key=value,..`: resource attributes and headers.

use percent_encoding::percent_decode_str;

use crate::config::parsed::{Fault, Parsed, WhenRefused};
use crate::config::reader::Reader;
use crate::config::sources::Layer;
use crate::config::{Detector, Headers, Origin, Resource, mask, table};
use crate::semconv::SERVICE_NAME;

/// All layers together: attributes merge by key, and a name in a stronger layer wins over both forms below it.
pub(super) fn resource(reader: &mut Reader<'_>) -> Resource {
    let variable = &table::RESOURCE_ATTRIBUTES;
    let layers = reader.per_layer(variable, |c| attributes(c.text), "ignoring all of it");
    let strongest = layers.last().map(|(layer, _)| *layer);
    let name = reader.text(&[&table::SERVICE_NAME], "unknown_service:<executable>");
    let detectors = reader.list(&table::RESOURCE_DETECTORS, WhenRefused::Unset);
    let mut resource = Resource {
        detectors: detectors
            .value
            .into_iter()
            .filter_map(Detector::from_name)
            .collect(),
        ..Resource::default()
    };
    let mut from_list = None;
    for (layer, list) in layers {
        for (key, value) in list {
            if key == SERVICE_NAME {
                from_list = Some((layer, value));
                continue;
            }
            match resource.attributes.iter_mut().find(|(k, _)| *k == key) {
                Some(entry) => entry.1 = value,
                None => resource.attributes.push((key, value)),
            }
        }
    }
    resource.service_name = match (name, from_list) {
        // Within one layer the variable wins over the list.
        (Some(name), Some((layer, _))) if Layer::of(&name.origin) >= Some(layer) => {
            Some(name.value)
        }
        (_, Some((layer, value))) => {
            let origin = layer.origin(variable.name);
            reader.replace(&table::SERVICE_NAME, mask::text(&value), origin);
            Some(value)
        }
        (name, None) => name.map(|name| name.value),
    };
    let origin = strongest.map_or(Origin::Default, |layer| layer.origin(variable.name));
    reader.record(variable, mask::attributes(&resource.attributes), origin);
    resource
}

/// Refused whole on any error, as the specification says: a half-read resource describes another process.
pub(in crate::config) fn attributes(text: &str) -> Parsed<Vec<(String, String)>> {
    let mut list: Vec<(String, String)> = Vec::new();
    for (index, entry) in entries(text) {
        let Some((key, value)) = entry.split_once('=') else {
            return Parsed::bad(format!("has no = in entry {index}"));
        };
        let (Some(key), Some(value)) = (decode(key.trim()), decode(value.trim())) else {
            return Parsed::bad(format!("has a broken percent encoding in entry {index}"));
        };
        if key.is_empty() {
            return Parsed::bad(format!("has no key in entry {index}"));
        }
        list.retain(|(known, _)| *known != key);
        list.push((key, value));
    }
    Parsed::good(list)
}

/// Headers of a request; an entry that cannot be sent is left out and named, its value never.
pub(in crate::config) fn headers(text: &str) -> Parsed<Headers> {
    let mut list: Vec<(String, String)> = Vec::new();
    let mut faults = Vec::new();
    for (index, entry) in entries(text) {
        match header(entry) {
            Ok((name, value)) => {
                list.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
                list.push((name, value));
            }
            Err(what) => {
                let what = format!("{what} in entry {index}");
                faults.push(Fault::partial(what, "leaving that entry out"));
            }
        }
    }
    Parsed {
        value: Some(Headers(list)),
        faults,
    }
}

fn header(entry: &str) -> Result<(String, String), String> {
    // Without a name there is nothing that may be shown: the entry may be a bare token.
    let Some((name, value)) = entry.split_once('=') else {
        return Err("has no =".to_owned());
    };
    let name = name.trim();
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err("has a name that no header can have".to_owned());
    }
    let Some(value) = decode(value.trim()) else {
        return Err(format!("has a broken percent encoding for {name}"));
    };
    if http::HeaderValue::from_str(&value).is_err() {
        return Err(format!("has a value that no header can have for {name}"));
    }
    Ok((name.to_owned(), value))
}

/// Entries with their number, from one; empty ones are left out.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(',')
        .map(str::trim)
        .enumerate()
        .filter(|(_, entry)| !entry.is_empty())
        .map(|(index, entry)| (index + 1, entry))
}

/// `None` when a percent sign is not followed by two hexadecimal digits, or the bytes are not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let broken = (0..bytes.len())
        .filter(|&at| bytes[at] == b'%')
        .any(|at| !is_hex(at + 1) || !is_hex(at + 2));
    if broken {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_decoded_and_checked() {
        assert_eq!(decode("a%20b%2C%3d+").as_deref(), Some("a b,=+"));
        for broken in ["%", "a%2", "%2G", "%ff"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }

    #[test]
    fn header_fault_names_the_header_and_never_its_value() {
        let fault = header("x-key=s3cret%0a").unwrap_err();
        assert!(fault.contains("x-key") && !fault.contains("s3cret"));
        let fault = header("s3cret").unwrap_err();
        assert!(!fault.contains("s3cret"));
    }
}
