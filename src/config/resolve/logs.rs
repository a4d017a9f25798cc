//! Log records and log lines.

use super::filter::filter;
use super::otlp;
use super::traces::batch;
use crate::config::reader::Reader;
use crate::config::{LogExporter, LogLimits, LogLines, Logs, Signal, table};

pub(super) fn logs(reader: &mut Reader<'_>) -> Logs {
    let (names, connection) = otlp::exporters(reader, &table::LOGS_EXPORTER, Signal::Logs);
    let exporters = names.iter().filter_map(|name| match *name {
        otlp::NAME => connection.clone().map(LogExporter::Otlp),
        "console" => Some(LogExporter::Console),
        otlp::STDOUT => Some(LogExporter::OtlpStdout),
        _ => None,
    });
    Logs {
        exporters: exporters.collect(),
        batch: batch(
            reader,
            [
                &table::BLRP_SCHEDULE_DELAY,
                &table::BLRP_EXPORT_TIMEOUT,
                &table::BLRP_MAX_QUEUE_SIZE,
                &table::BLRP_MAX_EXPORT_BATCH_SIZE,
            ],
        ),
        limits: LogLimits {
            attribute_count: reader
                .limit(&[
                    &table::LOGRECORD_ATTRIBUTE_COUNT_LIMIT,
                    &table::ATTRIBUTE_COUNT_LIMIT,
                ])
                .value,
            attribute_value_length: reader.length(&[
                &table::LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT,
                &table::ATTRIBUTE_VALUE_LENGTH_LIMIT,
            ]),
        },
        filter: filter(reader, &table::LOG_FILTER),
        lines: match reader.choice(&[&table::LOG_LINES]).value {
            "pretty" => LogLines::Pretty,
            "json" => LogLines::Json,
            "off" => LogLines::Off,
            _ => LogLines::Auto,
        },
    }
}
