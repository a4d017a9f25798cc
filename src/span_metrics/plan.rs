//! What matters at one callsite, decided once.

use tracing::Metadata;

use super::family::Domain;
use super::identity::MAX_SLOTS;
use super::intern::Interner;
use super::options::Dimension;
use crate::semconv;

/// What the fields of a span callsite mean for its series.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Its number.
    pub(super) index: u32,
    /// The interned name of the callsite.
    pub(super) name: u32,
    pub(super) metadata: &'static Metadata<'static>,
    /// By field index.
    pub(super) roles: Box<[Role]>,
    /// Whether any field matters; most spans are done without a visit.
    pub(super) any: bool,
    /// The fields that have a slot, by slot.
    pub(super) fields: Box<[&'static str]>,
    /// The conventions that its fields follow.
    pub(super) domain: Option<Domain>,
}

/// What a field of a span is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Ignored,
    Name,
    Kind,
    StatusCode,
    StatusDescription,
    /// The value is kept in this slot.
    Slot(usize, Form),
}

/// What is kept of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it.
    Plain,
    /// The method if it is a known one, else the word that stands for all others.
    HttpMethod,
    /// A number that a response can have.
    HttpStatus,
}

impl Plan {
    pub(super) fn new(
        index: u32,
        metadata: &'static Metadata<'static>,
        dimensions: &[Dimension],
        domains: &[Domain],
        interner: &Interner,
    ) -> Self {
        let has = |name: &str| metadata.fields().field(name).is_some();
        let domain = domains.iter().copied().find(|d| has(d.key_field()));
        let wanted = |name: &str| {
            let dimension = dimensions.iter().any(|d| d.field == name);
            dimension || domain.is_some_and(|domain| domain.fields().any(|field| field == name))
        };
        let mut fields: Vec<&'static str> = Vec::new();
        let roles: Box<[Role]> = metadata
            .fields()
            .iter()
            .map(|field| match field.name() {
                semconv::FIELD_NAME => Role::Name,
                semconv::FIELD_KIND => Role::Kind,
                semconv::FIELD_STATUS_CODE => Role::StatusCode,
                semconv::FIELD_STATUS_DESCRIPTION => Role::StatusDescription,
                name if wanted(name) && fields.len() < MAX_SLOTS => {
                    fields.push(name);
                    Role::Slot(fields.len() - 1, Form::of(name, domain))
                }
                _ => Role::Ignored,
            })
            .collect();
        Self {
            index,
            name: interner.keep(metadata.name()),
            metadata,
            any: roles.iter().any(|role| *role != Role::Ignored),
            roles,
            fields: fields.into(),
            domain,
        }
    }
}

impl Form {
    /// The form of a field of a span that follows these conventions.
    pub(super) fn of(field: &str, domain: Option<Domain>) -> Self {
        match (field, domain) {
            (semconv::HTTP_REQUEST_METHOD, Some(Domain::Http)) => Self::HttpMethod,
            (semconv::HTTP_RESPONSE_STATUS_CODE, Some(Domain::Http)) => Self::HttpStatus,
            _ => Self::Plain,
        }
    }
}
