//! Everything that a network needs is there, for each of them.
//!
//! Reads the workspace's own files; starts nothing.

use ieum_core::network::Network;
use std::fs;
use std::path::{Path, PathBuf};

/// Networks whose counterpart is a real server, with the script that tries it.
const REAL_SERVERS: &[(Network, &str)] = &[
    (Network::Matrix, "matrix_synapse.py"),
    (Network::Xmpp, "xmpp_prosody.py"),
    (Network::Mail, "mail_dovecot.py"),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a file, or nothing where there is no such file.
fn text(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_default()
}

#[test]
fn every_network_has_its_folder_page_and_example() {
    let example = text("ieum.example.toml");
    for network in Network::ALL {
        let word = network.word();
        for file in ["mod", "wire", "read", "write", "outcome", "capabilities", "tests"] {
            let path = format!("crates/ieum-connectors/src/{word}/{file}.rs");
            assert_ne!(text(&path), "", "{path}");
        }
        assert_ne!(text(&format!("fuzz/fuzz_targets/{word}.rs")), "", "{word} is not fuzzed");
        assert!(text(&format!("docs/networks/{word}.md")).lines().count() > 40, "{word}");
        assert!(example.contains(&format!("network = \"{word}\"")), "{word} has no example");
    }
}

#[test]
fn every_network_has_a_counterpart() {
    let steps = text("xtask/src/test/steps.rs");
    for network in Network::ALL {
        let word = network.word();
        let lab = workspace().join(format!("crates/ieum-lab/src/{word}/mod.rs"));
        match REAL_SERVERS.iter().find(|(real, _)| *real == network) {
            Some((_, script)) => {
                assert!(!lab.exists(), "{word} has a simulator and is said to need none");
                assert_ne!(text(&format!("tests/fidelity/{script}")), "", "{script}");
                assert!(steps.contains(script), "no step runs {script}");
            }
            None => assert!(lab.exists(), "{word} has neither a simulator nor a real server"),
        }
    }
}

#[test]
fn no_two_networks_share_a_word() {
    let mut words = Network::ALL.map(Network::word).to_vec();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Network::ALL.len());
    for network in Network::ALL {
        assert_eq!(Network::from_word(network.word()), Some(network));
    }
}
