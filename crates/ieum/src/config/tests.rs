//! Configurations and what is said about them.

use super::*;
use ieum_core::network::{Network, RateLimits};

fn environment(name: &str) -> Option<String> {
    match name {
        "EMPTY" => Some("  ".to_owned()),
        "SHORT" => Some("short-secret".to_owned()),
        "BOT" => Some("123456:AAAA-hidden_token".to_owned()),
        name if name.starts_with("IEUM_") => Some(format!("1:hidden-{name}")),
        _ => None,
    }
}

fn vault(folder: &Path) -> Vault {
    Vault::with_environment(folder, environment)
}

fn reading(text: &str) -> Reading {
    read(text, &vault(Path::new("nowhere")))
}

/// The complaints, one a line.
fn complaints(text: &str) -> String {
    let lines: Vec<String> = reading(text).complaints.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Every setting of the example, the commented ones too.
fn example(all: bool) -> String {
    let text = include_str!("../../../../ieum.example.toml");
    let uncomment = |line: &str| match line.strip_prefix("# ") {
        Some(setting)
            if all
                && (setting.contains(" = ") || setting.starts_with('['))
                && !setting.contains("\" (") =>
        {
            setting.to_owned()
        }
        _ => line.to_owned(),
    };
    text.lines().map(uncomment).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_is_right_as_it_stands() {
    let reading = reading(&example(false));
    assert_eq!(reading.complaints, Vec::new());
    let names: Vec<&str> = reading.config.accounts.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "family-kakao",
            "family-line",
            "family-telegram",
            "family-matrix",
            "family-xmpp",
            "family-mail"
        ]
    );
    assert_eq!(reading.config.hub.listen, LISTEN);
    assert_eq!(reading.config.hub.api_tokens.len(), 1);
}

#[test]
fn every_commented_setting_of_the_example_is_known() {
    for complaint in reading(&example(true)).complaints {
        assert!(!complaint.text.contains("unknown"), "{complaint}");
        assert!(!complaint.text.contains("expected a whole"), "{complaint}");
    }
}

#[test]
fn all_complaints_come_at_once_in_the_order_of_the_file() {
    let told = complaints(
        "[hub]\nlisten = \"here\"\nlangage = 3\n[[account]]\nname = \"Big Name\"\n\
         network = \"icq\"\n[[account]]\nname = \"t\"\nnetwork = \"telegram\"\n\
         bot_tokn = { env = \"BOT\" }\nper_second_max = 0\n",
    );
    let expected = "\
line 2: hub.listen: expected an address and a port such as \"127.0.0.1:8080\"
line 3: hub.langage: unknown key; did you mean `language`?
line 5: account[1].name: expected 1 to 64 of a-z, 0-9 and -
line 6: account[1].network: expected NETWORKS
line 7: account[2].bot_token: missing; expected a secret
line 10: account[2].bot_tokn: unknown key; did you mean `bot_token`?
line 11: account[2].per_second_max: expected a whole number from 1 to 1000000";
    let networks = Network::ALL.map(|network| format!("\"{}\"", network.word())).join(" or ");
    assert_eq!(told, expected.replace("NETWORKS", &networks));
}

#[test]
fn an_account_is_found_by_a_link_that_browsers_open_safely() {
    let told = |link: &str| {
        complaints(&format!(
            "[[account]]\nname = \"t\"\nnetwork = \"telegram\"\n\
             bot_token = {{ file = \"bot\" }}\nlink = \"{link}\"\n"
        ))
    };
    for good in ["https://t.me/IeumBot", "https://line.me/R/ti/p/%40ieum", "mailto:us@ieum.example"]
    {
        assert!(!told(good).contains(".link"), "{good}");
    }
    let long = format!("https://{}", "a".repeat(256));
    for bad in ["javascript:alert(1)", "http://t.me/a", "t.me/a", "https://a b", "", &long] {
        assert!(told(bad).contains("account[1].link: expected https://"), "{bad}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_told_by_line() {
    let told = complaints("[hub]\nlisten = \nbot_token = \"hidden\n");
    assert!(told.starts_with("line 2: "), "{told}");
    assert!(!told.contains("hidden"), "{told}");
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let told = complaints("[hub]\nsecret = \"hidden\"\n");
    assert!(told.starts_with("line 2: hub.secret: a secret must not stand in this file"));
    assert!(!told.contains("hidden"), "{told}");
}

#[test]
fn every_wrong_form_of_a_secret_has_its_own_words() {
    for (form, words) in [
        ("{}", "expected { file"),
        ("{ env = \"A\", file = \"b\" }", "expected { file"),
        ("{ env = \"ABSENT\" }", "the environment variable `ABSENT` is not set"),
        ("{ env = \"EMPTY\" }", "the environment variable `EMPTY` is empty"),
        ("{ file = \"absent\" }", "cannot read the file `absent`"),
        ("{ evn = \"A\" }", "unknown key; did you mean `env`?"),
        ("{ env = \"SHORT\" }", "shorter than 16 bytes"),
        ("3", "expected a table"),
    ] {
        let told = complaints(&format!("[hub]\nsecret = {form}\n"));
        assert!(told.contains(words), "{form}: {told}");
    }
}

#[test]
fn secrets_come_from_files_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("salt"), "from a file of ours\n").unwrap();
    std::fs::write(folder.path().join("big"), "x".repeat(20_000)).unwrap();
    let reading = read("[hub]\nsecret = { file = \"salt\" }\n", &vault(folder.path()));
    assert_eq!(reading.complaints, Vec::new());
    assert_eq!(reading.config.hub.secret.unwrap().expose(), "from a file of ours");
    let reading = read("[hub]\nsecret = { file = \"big\" }\n", &vault(folder.path()));
    assert!(reading.complaints[0].text.contains("longer than"));
}

#[test]
fn a_configuration_never_prints_a_secret() {
    let printed = format!("{:?}", reading(&example(false)));
    assert!(!printed.contains("hidden-"), "{printed}");
}

#[test]
fn limits_of_our_own_replace_the_published_ones_one_by_one() {
    let text = "[[account]]\nname = \"t\"\nnetwork = \"telegram\"\n\
                bot_token = { env = \"BOT\" }\nper_second_max = 1_000\n";
    let reading = reading(text);
    assert_eq!(reading.complaints, Vec::new());
    let published = ieum_connectors::telegram::RATE_PUBLISHED;
    let expected = RateLimits { per_second_max: 1_000, ..published };
    assert_eq!(reading.config.accounts[0].rate, Some(expected));
}

#[test]
fn names_of_accounts_are_given_once() {
    let account = "[[account]]\nname = \"t\"\nnetwork = \"telegram\"\n\
                   bot_token = { env = \"BOT\" }\n";
    let told = complaints(&account.repeat(2));
    assert_eq!(told, "line 6: account[2].name: another account has this name");
}

#[test]
fn settings_that_belong_together_are_asked_for_together() {
    let kakaotalk = "[[account]]\nname = \"k\"\nnetwork = \"kakaotalk\"\n\
                     bot_token = { env = \"BOT\" }\n";
    let telegram = "[[account]]\nname = \"t\"\nnetwork = \"telegram\"\n\
                    bot_token = { env = \"BOT\" }\n";
    let mail = "[[account]]\nname = \"m\"\nnetwork = \"mail\"\naddress = \"a@b.example\"\n\
                smtp = \"b.example:465\"\nimap = \"b.example:993\"\n\
                proof_secret = { env = \"BOT\" }\n";
    assert_eq!(complaints(mail), "");
    for (account, more, words) in [
        (mail, "user = \"a\"", "user: user and password are given together"),
        (mail, "security = \"starttls\"", "security: expected \"tls\" or \"none\""),
        (kakaotalk, "receive = \"webhook\"", "webhook_header: needed"),
        (kakaotalk, "webhook_secret = { env = \"BOT\" }", "webhook_header: needed"),
        (kakaotalk, "webhook_header = \"x\"", "webhook_secret: missing"),
        (kakaotalk, "webhook_header = \"x y\"\nwebhook_secret = { env = \"BOT\" }", "the name of"),
        (telegram, "receive = \"webhook\"", "secret_token: missing"),
        (telegram, "secret_token = { env = \"BOT\" }", "secret_token: only used"),
        (telegram, "receive = \"webhook\"\npoll_seconds = 3", "poll_seconds: only used"),
        (telegram, "poll_seconds = 51", "a whole number from 0 to 50"),
    ] {
        let told = complaints(&format!("{account}{more}\n"));
        assert!(told.contains(words), "{more}: {told}");
    }
}

#[test]
fn tokens_must_be_hard_to_guess_and_differ_in_name() {
    let token = "[[hub.api_tokens]]\nname = \"a\"\nsecret = { env = \"BOT\" }\n";
    assert_eq!(complaints(token), "");
    let told = complaints(&token.replace("BOT", "SHORT"));
    assert!(told.starts_with("line 3: hub.api_tokens[1].secret: the secret of token `a` must"));
    assert!(!told.contains("short-secret"), "{told}");
    let told = complaints(&token.repeat(2));
    assert_eq!(told, "line 5: hub.api_tokens[2].name: another token has this name");
}

#[test]
fn a_missing_file_is_one_complaint() {
    let reading = read_file(Path::new("no such file.toml"));
    assert_eq!(reading.complaints.len(), 1);
    assert!(reading.complaints[0].text.contains("no such file.toml"));
}

#[test]
fn no_text_makes_reading_panic() {
    let pieces = ["[hub]", "\n", "=", "\"", "account", "[[", "]]", "{", "env", "3", "é", "\0"];
    for one in pieces {
        for two in pieces {
            for three in pieces {
                reading(&format!("{one}{two}{three}"));
            }
        }
    }
}

#[test]
fn the_operators_channels_are_read_and_complained_about() {
    let account = "[[account]]\nname = \"t\"\nnetwork = \"telegram\"\n\
                   bot_token = { env = \"IEUM_TOKEN_OF_TESTS\" }\n";
    let good = format!(
        "{account}[operator]\nlanguage = \"en\"\n[operator.webhook]\n\
         url = \"https://ops.example/ieum\"\nsecret = {{ env = \"IEUM_TOKEN_OF_TESTS\" }}\n\
         [[operator.chat]]\naccount = \"t\"\nchat = \"-7\"\nkind = \"group\"\n"
    );
    let reading = reading(&good);
    assert_eq!(reading.complaints, []);
    let operator = reading.config.operator;
    let webhook = operator.webhook.unwrap();
    assert_eq!((webhook.url.as_str(), webhook.timeout_ms), ("https://ops.example/ieum", 10_000));
    assert_eq!((operator.chats[0].account.as_str(), operator.chats.len()), ("t", 1));
    let bad = format!(
        "{account}[operator]\ntongue = \"en\"\n[operator.webhook]\nurl = \"ops.example\"\n\
         [[operator.chat]]\naccount = \"m\"\n"
    );
    let told = complaints(&bad);
    for expected in ["operator.tongue", "webhook.url", "webhook.secret", "chat[1].account"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

#[test]
fn watchers_are_read_with_their_account() {
    let text = "[[account]]\nname = \"t\"\nnetwork = \"telegram\"\n\
                bot_token = { env = \"BOT\" }\n\
                [[watcher]]\nname = \"phone\"\naccount = \"t\"\nchat = \"42\"\n\
                surface = \"mobile\"\n\
                [[watcher]]\nname = \"pc\"\naccount = \"t\"\nchat = \"-7\"\nkind = \"group\"\n\
                surface = \"pc\"\n";
    let reading = reading(text);
    assert_eq!(reading.complaints, Vec::new());
    let watchers = reading.config.engine.watchers;
    let told: Vec<_> = watchers
        .iter()
        .map(|one| (one.name.as_str(), one.chat.key.as_str(), one.chat.kind, one.surface))
        .collect();
    use ieum_core::health::Surface::{Mobile, Pc};
    use ieum_core::network::ChatKind::{Direct, Group};
    assert_eq!(told, [("phone", "42", Direct, Mobile), ("pc", "-7", Group, Pc)]);
}

#[test]
fn a_watcher_without_an_account_or_with_anothers_name_is_complained_about() {
    let told = complaints(
        "[[watcher]]\nname = \"w\"\naccount = \"nobody\"\nchat = \"1\"\nsurface = \"watch\"\n\
         [[watcher]]\nname = \"w\"\nchat = \"1\"\nsurface = \"pc\"\n",
    );
    let expected = "\
line 3: watcher[1].account: no account of this file has this name
line 5: watcher[1].surface: expected \"mobile\" or \"pc\"
line 6: watcher[2].account: missing; expected the name of an account";
    assert_eq!(told, expected);
}

#[test]
fn control_hosts_are_addresses_and_few() {
    assert_eq!(reading("").config.control_hosts, Vec::<String>::new(), "off unless given");
    let two = "[own_line]\ncontrol_hosts = [\"https://one.example/\", \"http://10.0.0.1:80\"]";
    let read = reading(two);
    assert!(!read.complaints.iter().any(|one| one.key.contains("own_line")), "{read:?}");
    assert_eq!(read.config.control_hosts, ["https://one.example/", "http://10.0.0.1:80"]);
    let five = format!("control_hosts = [{}]", ["\"http://a\""; 5].join(", "));
    for (wrong, why) in [
        ("control_hosts = [\"one.example\"]", "expected addresses"),
        ("control_hosts = [\"ftp://one.example/\"]", "expected addresses"),
        ("control_hosts = [1]", "a list of texts"),
        (five.as_str(), "at most 4"),
        ("hosts = []", "own_line.hosts"),
    ] {
        let said = complaints(&format!("[own_line]\n{wrong}"));
        assert!(said.contains(why), "{wrong}: {said}");
    }
}

#[test]
fn canaries_are_paced_by_the_file_and_never_slower_for_a_suspicion() {
    let read = reading("[health]\ncanary_well_ms = 60000\ncanary_daily_max = 500");
    let canary = read.config.engine.canary;
    assert_eq!((canary.well_ms, canary.some_ms, canary.daily_max), (60_000, 6_000, 500));
    for (wrong, why) in [
        ("canary_well_ms = 2000", "must grow in this order"),
        ("canary_fresh_ms = 7000", "must grow in this order"),
        ("canary_deadline_ms = 10", "from 500 to 60000"),
    ] {
        let said = complaints(&format!("[health]\n{wrong}"));
        assert!(said.contains(why), "{wrong}: {said}");
    }
}
