//! A process that ends with the value that stands for it, and its working directory.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::Outcome;
use crate::deadline::until_within;
use crate::isolation::INSIDE;

/// `nobody`, which is what the servers run as when the tests run as root.
const NOBODY: u32 = 65534;

/// A running process with its output in files of its working directory.
pub(crate) struct Process {
    child: Child,
    directory: PathBuf,
}

impl Process {
    /// Starts a program as the same user.
    pub(crate) fn start(mut command: Command, directory: PathBuf) -> Outcome<Self> {
        command
            .stdin(std::process::Stdio::null())
            .stdout(File::create(directory.join("stdout"))?)
            .stderr(File::create(directory.join("stderr"))?);
        let child = command
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        Ok(Self { child, directory })
    }

    /// Starts a server, without privileges and with nothing of the environment.
    pub(crate) fn start_server(mut command: Command, directory: PathBuf) -> Outcome<Self> {
        command.env_clear().current_dir(&directory);
        if root() {
            chown(&directory, Some(NOBODY), Some(NOBODY))?;
            let program = reachable(Path::new(command.get_program()))?;
            let mut unprivileged = Command::new(program);
            unprivileged
                .args(command.get_args())
                .env_clear()
                .current_dir(&directory)
                .uid(NOBODY)
                .gid(NOBODY);
            command = unprivileged;
        }
        Self::start(command, directory)
    }

    pub(crate) fn stdout(&self) -> Outcome<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.directory.join("stdout"))?).into_owned())
    }

    pub(crate) fn stderr(&self) -> Outcome<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.directory.join("stderr"))?).into_owned())
    }

    /// Fails with what the process said last if it has ended.
    pub(crate) fn alive(&mut self) -> Outcome {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("it ended with {status}\n{}", self.stderr()?).into()),
        }
    }

    pub(crate) fn wait(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        let child = &mut self.child;
        until_within(limit, "the end of a process", || {
            child.try_wait()?.ok_or_else(|| "it runs".into())
        })
    }

    /// Bytes of memory that it has now.
    pub(crate) fn memory(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let line = line.ok_or("no VmRSS")?.trim_end_matches("kB");
        Ok(line.trim().parse::<u64>()? * 1024)
    }

    /// Sends SIGTERM, which std has no call for.
    pub(crate) fn terminate(&self) -> Outcome {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("kill -TERM {pid}: {status}").into())
        }
    }
}

impl Drop for Process {
    // SIGKILL, because Jaeger takes ten seconds to stop by itself. An error
    // means that it has ended already.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A new directory for a process, kept until the tests are over.
pub(crate) fn directory(name: &str) -> Outcome<PathBuf> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = workplace().join(format!("{number:03}-{name}"));
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// Removes what the processes left, or says where it is.
pub(crate) fn leave_workplace(failed: bool) {
    if failed {
        println!("what the processes said: {}", workplace().display());
        // Copies of large binaries.
        drop(fs::remove_dir_all(workplace().join("bin")));
    } else {
        drop(fs::remove_dir_all(workplace()));
    }
}

/// A free port of the loopback interface.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn workplace() -> PathBuf {
    // Inside a process namespace the own id is not unique.
    let run = env::var(INSIDE).unwrap_or_else(|_| std::process::id().to_string());
    // Not in the target directory, which an unprivileged user may not reach.
    env::temp_dir().join(format!("spanwise-e2e-{run}"))
}

fn root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The program where an unprivileged user may run it.
fn reachable(program: &Path) -> Outcome<PathBuf> {
    let program = program.canonicalize()?;
    let name = program.file_name().ok_or("a program without a name")?;
    let directory = workplace().join("bin");
    let link = directory.join(name);
    if !link.exists() {
        fs::create_dir_all(&directory)?;
        if fs::hard_link(&program, &link).is_err() {
            fs::copy(&program, &link)?;
        }
    }
    Ok(link)
}
