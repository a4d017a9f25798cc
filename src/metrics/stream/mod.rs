//! Both ends of a record stream, such as Kafka, Kinesis or a log.
//!
//! What the messaging conventions name has their name (`messaging.*`, in development); the rest is `stream.*`.

mod consumer;
mod producer;

pub use self::{
    consumer::{Checkpoint, Consumer, Processing},
    producer::{Flush, Producer},
};

const SYSTEM: &str = "messaging.system";
const DESTINATION: &str = "messaging.destination.name";
const OPERATION: &str = "messaging.operation.name";
const PARTITION: &str = "messaging.destination.partition.id";
const ERROR_TYPE: &str = "error.type";
