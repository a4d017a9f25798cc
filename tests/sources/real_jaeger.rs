//! The sampling endpoints of a real Jaeger, from `target/tools/bin`, where `.ci/install` puts it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs until it is dropped.
pub(crate) struct RealJaeger {
    process: Child,
    folder: PathBuf,
    http: u16,
    grpc: u16,
}

impl RealJaeger {
    /// `None` where it is not installed, which is said, and a failure where it has to be.
    pub(crate) fn start(strategies: &str) -> Option<Self> {
        let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin/jaeger");
        if !binary.is_file() {
            let required =
                std::env::var_os("SPANWISE_E2E").is_some_and(|value| value == "required");
            assert!(!required, "no target/tools/bin/jaeger; run .ci/install");
            crate::say("NOT RUN: no target/tools/bin/jaeger; run .ci/install");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("spanwise-jaeger-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let [http, grpc, otlp] = free_ports();
        fs::write(folder.join("sampling.json"), strategies).expect("a file");
        fs::write(folder.join("jaeger.yaml"), config(http, grpc, otlp)).expect("a file");
        let process = Command::new(binary)
            .args(["--config", "jaeger.yaml"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        Some(Self {
            process,
            folder,
            http,
            grpc,
        })
    }

    /// Where it answers: over HTTP, and over gRPC.
    pub(crate) fn endpoints(&self) -> [String; 2] {
        [
            format!("http://127.0.0.1:{}/api/sampling", self.http),
            format!("http://127.0.0.1:{}", self.grpc),
        ]
    }

    /// Replaces what it answers, which it notices within a second.
    pub(crate) fn answer(&self, strategies: &str) {
        // Renamed into place: it must not read half a file.
        let next = self.folder.join("next.json");
        fs::write(&next, strategies).expect("a file");
        fs::rename(next, self.folder.join("sampling.json")).expect("the same folder");
    }
}

impl Drop for RealJaeger {
    fn drop(&mut self) {
        // After traffic it takes ten seconds to end when it is asked.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

fn config(http: u16, grpc: u16, otlp: u16) -> String {
    format!(
        "
service:
  extensions: [jaeger_storage, remote_sampling]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}}}
extensions:
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 1}}}}}}}}
  remote_sampling:
    file: {{path: sampling.json, default_sampling_probability: 1, reload_interval: 1s}}
    http: {{endpoint: 127.0.0.1:{http}}}
    grpc: {{endpoint: 127.0.0.1:{grpc}}}
receivers: {{otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:{otlp}}}}}}}}}
exporters: {{jaeger_storage_exporter: {{trace_storage: memory}}}}
"
    )
}
