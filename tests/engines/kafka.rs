//! Apache Kafka: a real broker of one node, its own controller (KRaft), on ports and a folder of its own, ended with its
//! owner.
//!
//! Its clocks are short: what takes Kafka minutes takes it a second or two. Everything has one replica, and no topic is
//! made by asking for it. `kafka.tsv` pins its jars; it takes Java 17, Maven and `sha256sum`, and `openssl` for TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::{self, Server};
use super::venv;

/// Who may come in by PLAIN and by SCRAM: a name and a password.
pub(crate) const USER: (&str, &str) = ("tributary", "secret-of-the-tests");

/// The last of what it logs when it starts: it accepts requests then, and has taken up what was there.
const READY: &str = "Kafka Server started";

/// Beyond the plain one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options<'a> {
    /// Listeners with SASL, with TLS and client certificates, and with both SASL and TLS.
    pub(crate) security: bool,
    /// Lines for `server.properties`, stronger than those of [`SETTINGS`].
    pub(crate) settings: &'a [&'a str],
}

/// A broker, running unless it was killed.
#[derive(Debug)]
pub(crate) struct Kafka {
    server: Option<Server>,
    installed: Installed,
    folder: PathBuf,
    ports: Ports,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    plain: u16,
    controller: u16,
    sasl: u16,
    tls: u16,
    sasl_tls: u16,
}

impl Kafka {
    /// Starts one whose data lie in `folder`. `None` where it cannot be had, said on stderr; a panic where `CI=true`.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        Self::start_with(folder, &Options::default())
    }

    /// As [`Kafka::start`], with more.
    pub(crate) fn start_with(folder: &Path, options: &Options<'_>) -> Option<Self> {
        server::or_leave_out("Apache Kafka", Self::try_start(folder, options))
    }

    /// Where it listens without any security.
    pub(crate) fn bootstrap(&self) -> String {
        address(self.ports.plain)
    }

    /// Where it asks for SASL without TLS: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 as [`USER`], and OAUTHBEARER with any
    /// unsigned token.
    pub(crate) fn sasl(&self) -> String {
        address(self.ports.sasl)
    }

    /// Where it asks for a client certificate.
    pub(crate) fn tls(&self) -> String {
        address(self.ports.tls)
    }

    /// Where it asks for PLAIN or SCRAM-SHA-256 within TLS, and for no certificate.
    pub(crate) fn sasl_tls(&self) -> String {
        address(self.ports.sasl_tls)
    }

    /// The folder of `ca.crt`, `client.crt` and `client.key`, where it has [`Options::security`].
    pub(crate) fn certificates(&self) -> PathBuf {
        self.folder.join("tls")
    }

    /// Ends it with SIGKILL: it closes nothing, but what it wrote is in its files.
    pub(crate) fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it again with the same ports and data, killed first where it runs. It is back when this returns, which takes
    /// until its controller holds the broker of before for dead.
    pub(crate) fn restart(&mut self) -> Result<(), String> {
        self.kill();
        self.launch()
    }

    /// Stops it without closing anything: its clients wait for answers.
    pub(crate) fn pause(&self) -> Result<(), String> {
        self.signal("-STOP")
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> Result<(), String> {
        self.signal("-CONT")
    }

    fn try_start(folder: &Path, options: &Options<'_>) -> Result<Self, String> {
        let mut kafka = Self::format(&Installed::get()?, folder, options)?;
        kafka.launch()?;
        Ok(kafka)
    }

    /// A broker that was never started: settings, and a folder for its data that the tool of Kafka made.
    fn format(installed: &Installed, folder: &Path, options: &Options<'_>) -> Result<Self, String> {
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder.join("tmp")).map_err(said)?;
        let folder = folder.canonicalize().map_err(said)?;
        let port = || server::free_port().map_err(said);
        let ports = Ports { plain: port()?, controller: port()?, sasl: port()?, tls: port()?, sasl_tls: port()? };
        let kafka = Self { server: None, installed: installed.clone(), folder, ports };

        if options.security {
            certify(&kafka.certificates())?;
        }
        fs::write(kafka.folder.join("server.properties"), kafka.properties(options)).map_err(said)?;
        let mut tool = installed.java(&kafka.folder);
        let cluster = format!("{:011}{plain:011}", std::process::id(), plain = ports.plain);
        tool.args(["kafka.tools.StorageTool", "format", "--standalone", "-t", &cluster, "-c", "server.properties"]);
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            tool.arg("--add-scram").arg(format!("{mechanism}=[name={},password={}]", USER.0, USER.1));
        }
        venv::run(&mut tool)?;
        Ok(kafka)
    }

    fn launch(&mut self) -> Result<(), String> {
        // The shell becomes the broker, so the number it writes is the broker's.
        let mut command = Command::new("sh");
        let broker = self.installed.java(&self.folder);
        command.args(["-c", "echo $$ >pid; exec \"$@\"", "sh"]).arg(broker.get_program()).args(broker.get_args());
        command.args(BROKER).current_dir(&self.folder);
        self.server = Some(Server::start(&mut command, &self.folder, self.ports.plain, READY)?);
        Ok(())
    }

    fn signal(&self, signal: &str) -> Result<(), String> {
        // The number of a process that is gone may be another's.
        self.server.as_ref().ok_or("the broker was killed")?;
        let file = self.folder.join("pid");
        let process = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        venv::run(Command::new("kill").args([signal, process.trim()])).map(drop)
    }

    fn properties(&self, options: &Options<'_>) -> String {
        let Ports { plain, controller, sasl, tls, sasl_tls } = self.ports;
        let mut listeners = format!("PLAINTEXT://{}", address(plain));
        let mut security = String::new();
        if options.security {
            for (name, port) in [("SASL", sasl), ("TLS", tls), ("SASLTLS", sasl_tls)] {
                listeners.push_str(&format!(",{name}://{}", address(port)));
            }
            security = self.security();
        }
        let data = self.folder.join("data");
        format!(
            "listeners={listeners},CONTROLLER://{controller}\nadvertised.listeners={listeners}\n\
             controller.quorum.bootstrap.servers={controller}\nlog.dirs={}\n{SETTINGS}{security}{}\n",
            data.display(),
            options.settings.join("\n"),
            controller = address(controller),
        )
    }

    fn security(&self) -> String {
        let plain = format!("plain.PlainLoginModule required user_{}=\"{}\"", USER.0, USER.1);
        let scram = "scram.ScramLoginModule required";
        let token = "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\"";
        let mut lines = SECURITY.to_owned();
        for (place, module) in [
            ("sasl.plain", plain.as_str()),
            ("sasl.scram-sha-256", scram),
            ("sasl.scram-sha-512", scram),
            ("sasl.oauthbearer", token),
            ("sasltls.plain", &plain),
            ("sasltls.scram-sha-256", scram),
        ] {
            let module = format!("org.apache.kafka.common.security.{module};");
            lines.push_str(&format!("listener.name.{place}.sasl.jaas.config={module}\n"));
        }
        let tls = self.certificates().display().to_string();
        lines + &format!("ssl.keystore.location={tls}/broker.pem\nssl.truststore.location={tls}/ca.crt\n")
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

const BROKER: [&str; 2] = ["kafka.Kafka", "server.properties"];

/// A quick start and little memory. Its log goes to stderr, and what it logs of log4j nowhere: it has none.
const JAVA: [&str; 10] = [
    "-Xms32m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dlog4j2.loggerContextFactory=org.apache.logging.log4j.simple.SimpleLoggerContextFactory",
];

/// A single node with short clocks. The first task of the log would begin after 30 seconds, an old broker be held for alive
/// for 9, a deleted file lie about for 60.
const SETTINGS: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,SASLTLS:SASL_SSL
auto.create.topics.enable=false
num.partitions=3
default.replication.factor=1
num.network.threads=2
num.io.threads=2
broker.heartbeat.interval.ms=250
broker.session.timeout.ms=2000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=3000
group.consumer.min.heartbeat.interval.ms=300
group.consumer.heartbeat.interval.ms=500
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.initial.task.delay.ms=500
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=1000
log.cleaner.backoff.ms=500
log.cleaner.dedupe.buffer.size=4194304
";

const SECURITY: &str = "\
listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasltls.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.sasltls.ssl.client.auth=none
listener.name.tls.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.truststore.type=PEM
";

/// Certificates for 127.0.0.1: an authority, and one for the broker and one for a client that it signed.
fn certify(folder: &Path) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(said)?;
    // The settings of the machine would make an authority of every certificate.
    fs::write(folder.join("empty.cnf"), "[req]\ndistinguished_name=name\n[name]\n").map_err(said)?;
    for name in ["ca", "broker", "client"] {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-config", "empty.cnf", "-x509", "-days", "3650", "-nodes", "-newkey", "ec"]);
        openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", &format!("/CN={name}")]);
        openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]).current_dir(folder);
        if name == "ca" {
            openssl.args(["-addext", "basicConstraints=critical,CA:TRUE"]);
        } else {
            openssl.args(["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]);
            openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        }
        venv::run(&mut openssl)?;
    }
    // Kafka wants a key and its certificate in one file.
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(said);
    fs::write(folder.join("broker.pem"), read("broker.key")? + &read("broker.crt")?).map_err(said)
}

/// The jars, and the classes of a broker that has started in a form that Java takes up faster.
#[derive(Clone, Debug)]
struct Installed {
    folder: PathBuf,
    class_path: String,
}

impl Installed {
    /// What `kafka.tsv` pins; fetched when it is not there yet, which takes the network.
    fn get() -> Result<Self, String> {
        let pinned = server::pinned("kafka.tsv")?;
        let text = fs::read_to_string(&pinned).map_err(|error| format!("{}: {error}", pinned.display()))?;
        let jars = text.lines().filter(|line| !line.starts_with('#')).map(Jar::parse).collect::<Result<Vec<_>, _>>()?;
        // The form of the classes is that of this very Java.
        let version = venv::run(Command::new("java").arg("--version"))?;
        let at = |folder: &Path| {
            let jars = jars.iter().map(|jar| folder.join("jars").join(jar.file()).display().to_string());
            Self { folder: folder.to_owned(), class_path: jars.collect::<Vec<_>>().join(":") }
        };
        let folder = venv::once(&pinned, &(&text, version), |folder| {
            fetch(&jars, folder)?;
            at(folder).archive_classes()
        })?;
        Ok(at(&folder))
    }

    fn archive(&self) -> PathBuf {
        self.folder.join("classes.jsa")
    }

    /// Java for the broker in `folder`.
    fn java(&self, folder: &Path) -> Command {
        let mut command = Command::new("java");
        // A killed broker leaves its unpacked libraries behind.
        command.args(JAVA).arg(format!("-Djava.io.tmpdir={}", folder.join("tmp").display()));
        if self.archive().exists() {
            command.arg(format!("-XX:SharedArchiveFile={}", self.archive().display()));
        }
        command.arg("-cp").arg(&self.class_path).current_dir(folder);
        command
    }

    /// Starts a broker and ends it in order: Java writes the classes down when it ends.
    fn archive_classes(&self) -> Result<(), String> {
        let kafka = Kafka::format(self, &self.folder.join("first"), &Options::default())?;
        let script = format!(
            "\"$@\" >server.log 2>&1 & broker=$!
             until grep -q '{READY}' server.log; do kill -0 $broker || {{ cat server.log >&2; exit 1; }}; sleep 0.1; done
             kill $broker; wait $broker; test -s '{}'",
            self.archive().display(),
        );
        let java = self.java(&kafka.folder);
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(java.get_program());
        command.arg(format!("-XX:ArchiveClassesAtExit={}", self.archive().display())).args(java.get_args());
        command.args(BROKER).current_dir(&kafka.folder);
        venv::run(&mut command)?;
        fs::remove_dir_all(&kafka.folder).map_err(|error| format!("{}: {error}", kafka.folder.display()))
    }
}

/// A line of `kafka.tsv`.
#[derive(Clone, Copy, Debug)]
struct Jar<'a> {
    group: &'a str,
    artifact: &'a str,
    version: &'a str,
    sha256: &'a str,
}

impl<'a> Jar<'a> {
    fn parse(line: &'a str) -> Result<Self, String> {
        match *line.split('\t').collect::<Vec<_>>() {
            [group, artifact, version, sha256] => Ok(Self { group, artifact, version, sha256 }),
            _ => Err(format!("a line of kafka.tsv has not four columns: {line}")),
        }
    }

    fn file(&self) -> String {
        format!("{}-{}.jar", self.artifact, self.version)
    }

    fn dependency(&self) -> String {
        let Self { group, artifact, version, .. } = self;
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>\
             <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>\n"
        )
    }
}

/// Has Maven fetch exactly these into `jars` in `folder`, from wherever it is told on this machine to look, and checks each.
fn fetch(jars: &[Jar<'_>], folder: &Path) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(said)?;
    let dependencies: String = jars.iter().map(Jar::dependency).collect();
    let project = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>tributary</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>\n\
         <dependencies>\n{dependencies}</dependencies></project>\n"
    );
    fs::write(folder.join("pom.xml"), project).map_err(said)?;
    let mut maven = Command::new("mvn");
    maven.args(["--batch-mode", "--quiet", "--log-file", "maven.log", COPY, "-DoutputDirectory=jars"]);
    if let Err(reason) = venv::run(maven.current_dir(folder)) {
        return Err(format!("{reason}{}", fs::read_to_string(folder.join("maven.log")).unwrap_or_default()));
    }
    let mut sums = Command::new("sha256sum");
    let sums = venv::run(sums.args(jars.iter().map(Jar::file)).current_dir(folder.join("jars")))?;
    let wrong = jars.iter().zip(sums.lines()).find(|(jar, line)| *line != format!("{}  {}", jar.sha256, jar.file()));
    wrong.map_or(Ok(()), |(jar, line)| Err(format!("another {} than that of {}: {line}", jar.file(), jar.sha256)))
}

/// The version is named lest each machine takes another.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
