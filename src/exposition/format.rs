//! Which text format a scraper gets.

use std::cmp::Ordering;

/// A text format for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// The Prometheus text format 0.0.4: what every scraper reads. Cannot carry exemplars.
    #[default]
    Text,
    /// OpenMetrics 1.0.0: the same series with units and exemplars.
    OpenMetrics,
}

impl Format {
    /// Picks the format for an `Accept` header, as the [Prometheus documents] ask: the highest `q` among what we can
    /// write, the text format when there is no header or nothing in it fits.
    ///
    /// Of several with the same `q` the first in the header wins. A range with a wildcard gives the text format,
    /// except `application/*`.
    ///
    /// [Prometheus documents]: https://prometheus.io/docs/instrumenting/content_negotiation/
    pub fn negotiate(accept: Option<&str>) -> Self {
        let mut best: Option<(Self, f32)> = None;
        for range in accept.unwrap_or_default().split(',') {
            let Some((format, q)) = offered(range) else {
                continue;
            };
            let better = best.is_none_or(|(_, known)| q.total_cmp(&known) == Ordering::Greater);
            if q > 0.0 && better {
                best = Some((format, q));
            }
        }
        best.map(|(format, _)| format).unwrap_or_default()
    }

    /// The `Content-Type` of a page in this format.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
            }
        }
    }
}

/// The format that one media range of an `Accept` header asks for, with its weight.
fn offered(range: &str) -> Option<(Format, f32)> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    let mut version = None;
    let mut q = 1.0;
    for parameter in parts {
        let Some((key, value)) = parameter.split_once('=') else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        match key.trim().to_ascii_lowercase().as_str() {
            "version" => version = Some(value),
            "q" => q = value.parse().unwrap_or(0.0),
            _ => {}
        }
    }
    let format = match (media.as_str(), version) {
        ("application/openmetrics-text", None | Some("1.0.0")) | ("application/*", None) => {
            Format::OpenMetrics
        }
        ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", None) => Format::Text,
        _ => return None,
    };
    Some((format, q))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
        application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
        text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const PROMETHEUS_3_WITH_NATIVE_HISTOGRAMS: &str = "application/vnd.google.protobuf;\
        proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
        application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

    #[test]
    fn no_accept_header_gives_text() {
        assert_eq!(Format::negotiate(None), Format::Text);
        assert_eq!(Format::negotiate(Some("")), Format::Text);
    }

    #[test]
    fn prometheus_gets_openmetrics() {
        assert_eq!(Format::negotiate(Some(PROMETHEUS_3)), Format::OpenMetrics);
        assert_eq!(
            Format::negotiate(Some(PROMETHEUS_3_WITH_NATIVE_HISTOGRAMS)),
            Format::OpenMetrics
        );
    }

    #[test]
    fn browsers_and_curl_get_text() {
        assert_eq!(Format::negotiate(Some("*/*")), Format::Text);
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        assert_eq!(Format::negotiate(Some(browser)), Format::Text);
    }

    #[test]
    fn highest_weight_wins_whatever_the_order() {
        let text =
            "application/openmetrics-text; version=1.0.0; q=0.2, text/plain; version=0.0.4; q=0.9";
        assert_eq!(Format::negotiate(Some(text)), Format::Text);
        let open = "text/plain;q=0.2, application/openmetrics-text;q=0.9";
        assert_eq!(Format::negotiate(Some(open)), Format::OpenMetrics);
    }

    #[test]
    fn equal_weights_follow_the_header() {
        let open = "application/openmetrics-text, text/plain";
        assert_eq!(Format::negotiate(Some(open)), Format::OpenMetrics);
        let text = "text/plain, application/openmetrics-text";
        assert_eq!(Format::negotiate(Some(text)), Format::Text);
    }

    #[test]
    fn weight_zero_means_not_wanted() {
        let accept = "application/openmetrics-text;q=0";
        assert_eq!(Format::negotiate(Some(accept)), Format::Text);
    }

    #[test]
    fn versions_that_we_do_not_write_are_passed_over() {
        let accept = "application/openmetrics-text;version=2.0.0, text/plain;version=0.0.4;q=0.1";
        assert_eq!(Format::negotiate(Some(accept)), Format::Text);
    }

    #[test]
    fn case_blanks_and_quotes_do_not_matter() {
        let accept = "  Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.5 , */* ; q=0.1 ";
        assert_eq!(Format::negotiate(Some(accept)), Format::OpenMetrics);
    }
}
