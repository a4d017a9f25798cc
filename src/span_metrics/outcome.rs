//! Span kind and status, as labels and as the small numbers that the open-span table stores.

use opentelemetry::trace::SpanKind;

/// The kind of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub(crate) enum Kind {
    #[default]
    Internal = 0,
    Server = 1,
    Client = 2,
    Producer = 3,
    Consumer = 4,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Internal,
        Self::Server,
        Self::Client,
        Self::Producer,
        Self::Consumer,
    ];

    /// The kind behind a value of the label `span.kind`.
    pub(super) fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }

    /// Reads `otel.kind`, in any case; what is not a kind is `None`, and such a span counts as internal.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            ("internal", Self::Internal),
            ("server", Self::Server),
            ("client", Self::Client),
            ("producer", Self::Producer),
            ("consumer", Self::Consumer),
        ]
        .into_iter()
        .find_map(|(name, kind)| text.eq_ignore_ascii_case(name).then_some(kind))
    }

    /// The value of the label `span.kind`.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Internal => "SPAN_KIND_INTERNAL",
            Self::Server => "SPAN_KIND_SERVER",
            Self::Client => "SPAN_KIND_CLIENT",
            Self::Producer => "SPAN_KIND_PRODUCER",
            Self::Consumer => "SPAN_KIND_CONSUMER",
        }
    }

    /// The same for OpenTelemetry.
    pub(super) fn to_otel(self) -> SpanKind {
        match self {
            Self::Internal => SpanKind::Internal,
            Self::Server => SpanKind::Server,
            Self::Client => SpanKind::Client,
            Self::Producer => SpanKind::Producer,
            Self::Consumer => SpanKind::Consumer,
        }
    }

    /// The kind of a span that was made through the OpenTelemetry API.
    pub(crate) fn from_otel(kind: &SpanKind) -> Self {
        match kind {
            SpanKind::Internal => Self::Internal,
            SpanKind::Server => Self::Server,
            SpanKind::Client => Self::Client,
            SpanKind::Producer => Self::Producer,
            SpanKind::Consumer => Self::Consumer,
        }
    }

    pub(super) const fn from_bits(bits: u32) -> Self {
        match bits {
            1 => Self::Server,
            2 => Self::Client,
            3 => Self::Producer,
            4 => Self::Consumer,
            _ => Self::Internal,
        }
    }
}

/// The status of a span, in the order in which a later one replaces an earlier one once the span has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Status {
    /// Nobody said anything, which is the rule for spans that went well.
    #[default]
    Unset = 0,
    /// It failed.
    Error = 1,
    /// Someone said that it went well, whatever happened in it.
    Ok = 2,
}

impl Status {
    /// Reads `otel.status_code`, in any case; anything else is unset, as `tracing-opentelemetry` has it.
    pub(crate) fn parse(text: &str) -> Self {
        if text.eq_ignore_ascii_case("ok") {
            Self::Ok
        } else if text.eq_ignore_ascii_case("error") {
            Self::Error
        } else {
            Self::Unset
        }
    }

    /// The value of the label `status.code`.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Unset => "STATUS_CODE_UNSET",
            Self::Error => "STATUS_CODE_ERROR",
            Self::Ok => "STATUS_CODE_OK",
        }
    }

    pub(super) const fn from_bits(bits: u32) -> Self {
        match bits {
            1 => Self::Error,
            2 => Self::Ok,
            _ => Self::Unset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_read_in_any_case_and_refused_otherwise() {
        assert_eq!(Kind::parse("SerVer"), Some(Kind::Server));
        assert_eq!(Kind::parse("servers"), None);
    }

    #[test]
    fn bits_lead_back_to_the_same_kind_and_status() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_bits(kind as u32), kind);
            assert_eq!(Kind::from_label(kind.label()), Some(kind));
        }
        for status in [Status::Unset, Status::Error, Status::Ok] {
            assert_eq!(Status::from_bits(status as u32), status);
        }
    }
}
