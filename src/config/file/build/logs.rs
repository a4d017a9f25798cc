//! Log records and log lines.

use super::Builder;
use super::exporter::{Target, exporter};
use super::place::Place;
use super::settings::Own;
use super::traces::{processors, record_names};
use crate::config::{Batch, LogExporter, LogLimits, Logs, Signal, table};

/// No provider means that no record goes anywhere: that is what the schema says.
pub(super) fn logs(builder: &mut Builder<'_>, root: &Place<'_>, own: &Own) -> Logs {
    let provider = root.get("logger_provider");
    builder.unsupported(
        &provider.get("logger_configurator/development"),
        "use log_filter below instrumentation/development.rust.spanwise",
    );
    let mut exporters = Vec::new();
    let variables = [
        &table::BLRP_SCHEDULE_DELAY,
        &table::BLRP_EXPORT_TIMEOUT,
        &table::BLRP_MAX_QUEUE_SIZE,
        &table::BLRP_MAX_EXPORT_BATCH_SIZE,
    ];
    let (batch, _) = processors(
        builder,
        &provider,
        own.batch(Batch::log_records()),
        variables,
        None,
        |builder, place| {
            exporters.extend(match exporter(builder, place, Signal::Logs) {
                Some((Target::Otlp(otlp), _)) => Some(LogExporter::Otlp(otlp)),
                Some((Target::OtlpStdout, _)) => Some(LogExporter::OtlpStdout),
                Some((Target::Console, _)) => Some(LogExporter::Console),
                Some((Target::Custom(custom), _)) => Some(LogExporter::Custom(custom)),
                None => None,
            });
        },
    );
    let names = exporters.iter().map(|exporter| match exporter {
        LogExporter::Otlp(_) => "otlp",
        LogExporter::OtlpStdout => "otlp/stdout",
        LogExporter::Console => "console",
        LogExporter::Custom(custom) => &custom.name,
    });
    record_names(
        builder,
        &table::LOGS_EXPORTER,
        names.collect(),
        &provider.get("processors"),
    );
    let general = root.get("attribute_limits");
    let limits = provider.get("limits");
    Logs {
        exporters,
        batch,
        limits: LogLimits {
            attribute_count: builder.limit(
                &[
                    limits.get("attribute_count_limit"),
                    general.get("attribute_count_limit"),
                ],
                &table::LOGRECORD_ATTRIBUTE_COUNT_LIMIT,
                LogLimits::default().attribute_count,
            ),
            attribute_value_length: builder.length(
                &[
                    limits.get("attribute_value_length_limit"),
                    general.get("attribute_value_length_limit"),
                ],
                &table::LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT,
            ),
        },
        filter: own.log_filter.clone(),
        lines: own.log_lines,
    }
}
