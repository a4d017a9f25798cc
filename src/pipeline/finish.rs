//! Flush and shutdown: one deadline for all signals, side by side.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::exporters::Exporter;
use super::queue::Command;
use super::runtime::Runtime;

/// What the caller waits on top of the deadline: exporters end at the deadline themselves, and then have to say so.
const GRACE: Duration = Duration::from_millis(50);

/// Lets every exporter send what it has and waits for `others` beside them, no longer than `within`; works from any thread of any runtime.
pub(crate) fn wait(
    runtime: &Runtime,
    exporters: &[Exporter],
    others: Vec<oneshot::Receiver<()>>,
    within: Duration,
    last: bool,
) {
    let (finished, wait) = sync_channel(1);
    let finish = finish(exporters, others, within, last);
    runtime.spawn(async move {
        finish.await;
        // Nobody waits any more if it took too long.
        let _ = finished.try_send(());
    });
    // A runtime that does not answer in time is not waited for: the report then shows what is still queued.
    let _ = wait.recv_timeout(within.saturating_add(GRACE));
}

/// The same, for whoever can await.
pub(crate) async fn wait_async(
    runtime: &Runtime,
    exporters: &[Exporter],
    others: Vec<oneshot::Receiver<()>>,
    within: Duration,
    last: bool,
) {
    // Timers need a tokio runtime around them: the task runs on ours, wherever the caller awaits.
    let task = runtime
        .handle()
        .spawn(finish(exporters, others, within, last));
    // The task can only be gone when the runtime is, and then nothing is left to wait for.
    let _ = task.await;
}

fn finish(
    exporters: &[Exporter],
    others: Vec<oneshot::Receiver<()>>,
    within: Duration,
    last: bool,
) -> impl Future<Output = ()> + Send + 'static {
    let now = std::time::Instant::now();
    // Decades away stands for never; a real moment keeps the arithmetic simple.
    let deadline = Instant::from_std(
        now.checked_add(within)
            .unwrap_or(now + Duration::from_secs(1 << 30)),
    );
    let answers: Vec<oneshot::Receiver<()>> = exporters
        .iter()
        .filter_map(|exporter| {
            let (done, answer) = oneshot::channel();
            let command = Command {
                deadline,
                last,
                done,
            };
            exporter.commands.send(command).is_ok().then_some(answer)
        })
        .collect();
    async move {
        let all = async {
            for answer in answers.into_iter().chain(others) {
                // An exporter that has ended has nothing more to send.
                let _ = answer.await;
            }
        };
        let _ = tokio::time::timeout_at(deadline + GRACE / 2, all).await;
    }
}
