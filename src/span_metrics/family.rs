//! Duration metrics of the semantic conventions, from spans that carry their attributes.
//!
//! Names, units, buckets and attributes are those of the semantic conventions: every attribute that is required,
//! conditionally required or recommended, and none that is opt-in. A span without a required attribute does not count.

use std::sync::Arc;

use super::bounds::Bounds;
use super::labels::{Facts, Label, word};
use super::outcome::{Kind, Status};
use crate::semconv;

/// Conventions that the fields of a callsite can follow, recognised by one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    Http,
    Rpc,
    Db,
    Messaging,
    GenAi,
}

/// One metric of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    HttpServer,
    HttpClient,
    RpcServer,
    RpcClient,
    DbClient,
    MessagingProcess,
    GenAiClient,
}

/// How a metric is defined.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    /// Bounds of its buckets in seconds.
    bounds: &'static [f64],
    required: &'static [&'static str],
    /// Attributes that are there when the span has them. `error.type` always is, where the operation failed.
    optional: &'static [&'static str],
}

const REQUESTS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
const QUERIES: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
const GENERATIONS: &[f64] = &[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

impl Domain {
    /// In the order in which they are looked for: a model that is called over HTTP is a model.
    pub(crate) const ALL: [Self; 5] = [
        Self::GenAi,
        Self::Rpc,
        Self::Db,
        Self::Messaging,
        Self::Http,
    ];

    /// The field that every span of the domain has.
    pub(super) const fn key_field(self) -> &'static str {
        match self {
            Self::Http => semconv::HTTP_REQUEST_METHOD,
            Self::Rpc => semconv::RPC_SYSTEM_NAME,
            Self::Db => semconv::DB_SYSTEM_NAME,
            Self::Messaging => semconv::MESSAGING_SYSTEM,
            Self::GenAi => semconv::GEN_AI_OPERATION_NAME,
        }
    }

    const fn families(self) -> &'static [Family] {
        match self {
            Self::Http => &[Family::HttpServer, Family::HttpClient],
            Self::Rpc => &[Family::RpcServer, Family::RpcClient],
            Self::Db => &[Family::DbClient],
            Self::Messaging => &[Family::MessagingProcess],
            Self::GenAi => &[Family::GenAiClient],
        }
    }

    /// Every field that matters, some twice.
    pub(super) fn fields(self) -> impl Iterator<Item = &'static str> {
        let definitions = self.families().iter().map(|family| family.definition());
        let attributes = definitions.flat_map(|d| d.required.iter().chain(d.optional));
        // Not an attribute of the metric, but it tells processing from other things that consumers do.
        let operation = (self == Self::Messaging).then_some(&semconv::MESSAGING_OPERATION_TYPE);
        let others = [&semconv::ERROR_TYPE].into_iter().chain(operation);
        attributes.chain(others).copied()
    }

    /// The metric that a span of this domain counts in.
    fn family_of(self, facts: &Facts<'_>) -> Option<Family> {
        match (self, facts.kind) {
            (Self::Http, Kind::Server) => Some(Family::HttpServer),
            (Self::Http, Kind::Client) => Some(Family::HttpClient),
            (Self::Rpc, Kind::Server) => Some(Family::RpcServer),
            (Self::Rpc, Kind::Client) => Some(Family::RpcClient),
            // Calls within the process, to an embedded database or a local model, are internal.
            (Self::Db, Kind::Client | Kind::Internal) => Some(Family::DbClient),
            (Self::GenAi, Kind::Client | Kind::Internal) => Some(Family::GenAiClient),
            (Self::Messaging, Kind::Consumer) => {
                let operation = (facts.field)(semconv::MESSAGING_OPERATION_TYPE);
                let processes = operation.is_none_or(|o| &*o == semconv::MESSAGING_PROCESS);
                processes.then_some(Family::MessagingProcess)
            }
            _ => None,
        }
    }
}

impl Family {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 7] = [
        Self::HttpServer,
        Self::HttpClient,
        Self::RpcServer,
        Self::RpcClient,
        Self::DbClient,
        Self::MessagingProcess,
        Self::GenAiClient,
    ];

    /// The metric that a span counts in, and its labels there.
    pub(super) fn of(domain: Domain, facts: &Facts<'_>) -> Option<(Self, Vec<Label>)> {
        let family = domain.family_of(facts)?;
        let definition = family.definition();
        // To Prometheus no value and an empty one are the same, so they must not make two series.
        let value = |key: &str| (facts.field)(key).filter(|value| !value.is_empty());
        let mut labels: Vec<Label> = Vec::new();
        for &key in definition.required {
            labels.push((word(key), value(key)?));
        }
        for &key in definition.optional {
            let value = value(key);
            // The conventions name the protocol only where it is not the one that the metric is named after.
            let is_plain = key == semconv::NETWORK_PROTOCOL_NAME
                && value
                    .as_deref()
                    .is_some_and(|v| v.eq_ignore_ascii_case("http"));
            if let Some(value) = value.filter(|_| !is_plain) {
                labels.push((word(key), value));
            }
        }
        if let Some(error) = family.error_type(facts) {
            labels.push((word(semconv::ERROR_TYPE), error));
        }
        Some((family, labels))
    }

    /// What went wrong, if something did: what the span says, else the response, else that it is not known.
    fn error_type(self, facts: &Facts<'_>) -> Option<Arc<str>> {
        let said = (facts.field)(semconv::ERROR_TYPE).filter(|text| !text.is_empty());
        // A server has answered well where it told a client that the request was wrong; the client has failed.
        let lowest = match self {
            Self::HttpServer => "500",
            _ => "400",
        };
        let http = matches!(self, Self::HttpServer | Self::HttpClient);
        let response = http.then(|| (facts.field)(semconv::HTTP_RESPONSE_STATUS_CODE));
        // Three digits compare as numbers do.
        let refused = response.flatten().filter(|code| **code >= *lowest);
        let failed = match facts.status {
            Status::Ok => false,
            Status::Error => true,
            Status::Unset => said.is_some() || refused.is_some(),
        };
        let error = || said.or(refused).unwrap_or_else(|| word(semconv::OTHER));
        failed.then(error)
    }

    /// The bounds of its buckets.
    pub(super) fn bounds(self) -> Arc<Bounds> {
        Arc::new(Bounds::from_seconds(self.definition().bounds))
    }

    /// The metric as the conventions have it.
    pub(crate) const fn definition(self) -> &'static Definition {
        match self {
            Self::HttpServer => &Definition {
                name: "http.server.request.duration",
                help: "Duration of HTTP server requests.",
                bounds: REQUESTS,
                required: &[semconv::HTTP_REQUEST_METHOD, "url.scheme"],
                optional: &[
                    semconv::HTTP_RESPONSE_STATUS_CODE,
                    "http.route",
                    semconv::NETWORK_PROTOCOL_NAME,
                    "network.protocol.version",
                ],
            },
            Self::HttpClient => &Definition {
                name: "http.client.request.duration",
                help: "Duration of HTTP client requests.",
                bounds: REQUESTS,
                required: &[
                    semconv::HTTP_REQUEST_METHOD,
                    semconv::SERVER_ADDRESS,
                    semconv::SERVER_PORT,
                ],
                optional: &[
                    semconv::HTTP_RESPONSE_STATUS_CODE,
                    semconv::NETWORK_PROTOCOL_NAME,
                    "network.protocol.version",
                ],
            },
            Self::RpcServer => &Definition {
                name: "rpc.server.call.duration",
                help: "Duration of incoming remote procedure calls.",
                bounds: REQUESTS,
                required: &[semconv::RPC_SYSTEM_NAME],
                optional: &["rpc.method", "rpc.status_code"],
            },
            Self::RpcClient => &Definition {
                name: "rpc.client.call.duration",
                help: "Duration of outgoing remote procedure calls.",
                bounds: REQUESTS,
                required: &[semconv::RPC_SYSTEM_NAME],
                optional: &[
                    "rpc.method",
                    "rpc.status_code",
                    semconv::SERVER_ADDRESS,
                    semconv::SERVER_PORT,
                ],
            },
            Self::DbClient => &Definition {
                name: "db.client.operation.duration",
                help: "Duration of database client operations.",
                bounds: QUERIES,
                required: &[semconv::DB_SYSTEM_NAME],
                optional: &[
                    "db.collection.name",
                    "db.namespace",
                    "db.operation.name",
                    "db.response.status_code",
                    semconv::SERVER_PORT,
                    "db.query.summary",
                    "db.stored_procedure.name",
                    "network.peer.address",
                    semconv::NETWORK_PEER_PORT,
                    semconv::SERVER_ADDRESS,
                ],
            },
            Self::MessagingProcess => &Definition {
                name: "messaging.process.duration",
                help: "Duration of processing messages.",
                bounds: REQUESTS,
                required: &["messaging.operation.name", semconv::MESSAGING_SYSTEM],
                optional: &[
                    "messaging.consumer.group.name",
                    "messaging.destination.name",
                    "messaging.destination.subscription.name",
                    "messaging.destination.template",
                    semconv::SERVER_ADDRESS,
                    "messaging.destination.partition.id",
                    semconv::SERVER_PORT,
                ],
            },
            Self::GenAiClient => &Definition {
                name: "gen_ai.client.operation.duration",
                help: "Duration of operations of generative AI clients.",
                bounds: GENERATIONS,
                required: &[semconv::GEN_AI_OPERATION_NAME],
                optional: &[
                    "gen_ai.provider.name",
                    "gen_ai.request.model",
                    semconv::SERVER_PORT,
                    "gen_ai.response.model",
                    semconv::SERVER_ADDRESS,
                ],
            },
        }
    }
}
