//! The steps of `cargo xtask test`, as data, in the order in which they run.
//!
//! To add one, add an entry: a step is counted by the lines that test runners close with.
//! Invariant: a step that takes more than two minutes is marked as long.

use crate::process;
use crate::tree::Workspace;
use std::process::Command;

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    /// What `--only` is compared with.
    pub(crate) name: &'static str,
    /// What it proves.
    pub(crate) about: &'static str,
    /// Runs only with `--long`, or when named.
    pub(crate) is_long: bool,
    /// Skipped where the networks' specifications are not at hand.
    pub(crate) needs_shared: bool,
    /// What is run.
    pub(crate) action: Action,
}

/// What a step runs.
#[derive(Debug)]
pub(crate) enum Action {
    /// `cargo xtask check`.
    Check,
    /// The workspace's tests, by the fastest runner at hand.
    UnitTests,
    /// Cargo with these arguments.
    Cargo(&'static [&'static str]),
    /// The release binary with these arguments; needs the step `release`.
    Binary(&'static [&'static str]),
    /// The release binary, killed so many times under load, or put to the other trials when the
    /// number is zero; needs the step `release`.
    Torture(u32),
    /// A target of `fuzz/`, for a minute.
    Fuzz(&'static str),
    /// A script of `tests/fidelity`.
    Script(&'static str),
    /// A script of `tests/fidelity`, with the addresses of a fresh lab as its argument.
    ScriptOnLab(&'static str),
    /// The same with the release binary as a second argument, for a hub of its own, and with a real
    /// server or browser; skipped where that cannot be installed.
    ScriptWithServer {
        /// The script.
        script: &'static str,
        /// The program; its Debian package has the same name, or the toolbox knows it. None where
        /// it is among the Python packages of the scripts.
        server: Option<&'static str>,
    },
}

const fn step(name: &'static str, about: &'static str, action: Action) -> Step {
    Step { name, about, is_long: false, needs_shared: false, action }
}

const fn with_shared(name: &'static str, about: &'static str, action: Action) -> Step {
    Step { name, about, is_long: false, needs_shared: true, action }
}

const fn long(name: &'static str, about: &'static str, action: Action) -> Step {
    Step { name, about, is_long: true, needs_shared: false, action }
}

/// All steps.
pub(crate) const STEPS: &[Step] = &[
    step("check", "formatting, lints, tidy, documentation", Action::Check),
    step("unit", "every crate's own tests", Action::UnitTests),
    step(
        "doc",
        "the examples in the documentation",
        Action::Cargo(&["test", "--workspace", "--doc", "--locked"]),
    ),
    step(
        "release",
        "the binary that the next steps use",
        Action::Cargo(&["build", "--release", "--package", "ieum", "--locked"]),
    ),
    long(
        "slow",
        "the tests that are left out elsewhere because they take minutes",
        Action::Cargo(&[
            "test",
            "--workspace",
            "--release",
            "--lib",
            "--bins",
            "--tests",
            "--locked",
            "--no-fail-fast",
            "--",
            "--ignored",
        ]),
    ),
    step("starts", "the binary starts and knows its version", Action::Binary(&["--version"])),
    step(
        "demo-k1",
        "a family talks through KakaoTalk's outage of 13 May 2024",
        Action::Binary(&["demo", "--json", "--scenario", "K1", "--seed", "7", "--speed", "300"]),
    ),
    step(
        "demo-k2",
        "the same through that of 20 May 2024",
        Action::Binary(&["demo", "--json", "--scenario", "K2", "--seed", "3", "--speed", "300"]),
    ),
    step(
        "demo-k3",
        "the same through that of 21 May 2024, on PCs only",
        Action::Binary(&["demo", "--json", "--scenario", "K3", "--seed", "5", "--speed", "600"]),
    ),
    with_shared(
        "demo-chat",
        "a real log of a busy channel through an outage, at the fastest speed",
        Action::Binary(&[
            "demo",
            "--json",
            "--chat",
            "../shared/data/chat/ubuntu-2016-06-08_07.raw.txt",
            "--seed",
            "9",
            "--speed",
            "600",
        ]),
    ),
    step(
        "simulate",
        "two hundred seeded stories of all outages, with crashes, keep every promise",
        Action::Binary(&["simulate", "--json", "--scenario", "turns", "--seeds", "1..200"]),
    ),
    long(
        "simulate-long",
        "twenty stories of each outage",
        Action::Binary(&["simulate", "--json", "--scenario", "all", "--seeds", "201..220"]),
    ),
    step(
        "relay",
        "the relay loses, doubles and disorders nothing at full speed",
        Action::Binary(&["bench", "relay", "--json", "--messages", "20000"]),
    ),
    step(
        "torture",
        "a hub killed thirty times under load loses, doubles and disorders nothing",
        Action::Torture(30),
    ),
    step(
        "trials",
        "a full disk, a damaged page and a clock that jumps lose nothing either",
        Action::Torture(0),
    ),
    long("torture-long", "the same, a thousand times", Action::Torture(1_000)),
    long("fuzz-kakaotalk", "no bytes of KakaoTalk's break reading", Action::Fuzz("kakaotalk")),
    long("fuzz-line", "no bytes of LINE's break reading", Action::Fuzz("line")),
    long("fuzz-telegram", "no bytes of Telegram's break reading", Action::Fuzz("telegram")),
    long("fuzz-matrix", "no bytes of a homeserver's break reading", Action::Fuzz("matrix")),
    long("fuzz-xmpp", "no bytes of an XMPP server break reading", Action::Fuzz("xmpp")),
    long("fuzz-mail", "no bytes of a letter break reading", Action::Fuzz("mail")),
    long("fuzz-content", "content has one encoding only", Action::Fuzz("content")),
    long("fuzz-journal", "stored entries stay what they are", Action::Fuzz("journal")),
    step("line-sdk", "LINE's Python SDK against the lab", Action::ScriptOnLab("line_sdk.py")),
    step("telegram-sdk", "aiogram against the lab", Action::ScriptOnLab("telegram_sdk.py")),
    step("kakao-sdk", "kakaotalk-bot against the lab", Action::ScriptOnLab("kakao_sdk.py")),
    step(
        "node-sdk",
        "LINE's Node SDK and grammY against the lab",
        Action::ScriptOnLab("node_sdk.mjs"),
    ),
    step(
        "xmpp-prosody",
        "a hub between a room of Prosody and a Telegram group, through outages of both",
        Action::ScriptWithServer { script: "xmpp_prosody.py", server: Some("prosody") },
    ),
    step(
        "media-lab",
        "a hub carries files between the lab's networks, through a sick source and a kill",
        Action::ScriptWithServer { script: "media_lab.py", server: None },
    ),
    step(
        "media-large",
        "100 MB pass a hub with at most 16 MB of extra memory",
        Action::ScriptWithServer { script: "media_large.py", server: None },
    ),
    step(
        "import-parsers",
        "files of KakaoTalk, LINE and Telegram, as other people's readers understand them",
        Action::ScriptWithServer { script: "import_parsers.py", server: None },
    ),
    step(
        "refusal-timing",
        "a request for contact takes as long whether it is refused, ignored or finds nobody",
        Action::ScriptWithServer { script: "refusal_timing.py", server: None },
    ),
    step(
        "matrix-synapse",
        "a hub between a room of Synapse and a Telegram group, through outages of both",
        Action::ScriptWithServer { script: "matrix_synapse.py", server: None },
    ),
    step(
        "mail-dovecot",
        "a hub between a mailbox of Dovecot, a mail server in Python and a Telegram person",
        Action::ScriptWithServer { script: "mail_dovecot.py", server: Some("dovecot") },
    ),
    step(
        "pages",
        "the pages as people use them in a browser, by axe, in both languages and looks",
        Action::ScriptWithServer { script: "pages.mjs", server: Some("chromium") },
    ),
    step(
        "begin",
        "somebody new begins in a browser, links two networks, and talks on while one is down",
        Action::ScriptWithServer { script: "begin.mjs", server: Some("chromium") },
    ),
    with_shared(
        "prism-build",
        "the networks' own specifications refuse what is wrong",
        Action::Script("prism_build.py"),
    ),
    with_shared(
        "line-prism",
        "LINE's specification between a client and the lab, both ways",
        Action::ScriptOnLab("line_prism.py"),
    ),
    with_shared(
        "telegram-prism",
        "Telegram's specification between a client and the lab",
        Action::ScriptOnLab("telegram_prism.py"),
    ),
];

/// The arguments for cargo that run the workspace's tests.
pub(crate) fn unit_test_runner(place: &Workspace) -> &'static [&'static str] {
    let mut probe = Command::new("cargo");
    if process::answers(probe.args(["nextest", "--version"]).current_dir(&place.root)) {
        &["nextest", "run", "--workspace", "--locked", "--no-tests=pass", "--no-fail-fast"]
    } else {
        &["test", "--workspace", "--lib", "--bins", "--tests", "--locked", "--no-fail-fast"]
    }
}
