//! Command line of the projector.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use projector::config::{Config, ENV_PREFIX};
use projector::roles::{BothRoles, ProjectRole, ServeRole};
use projector::{dump, project, prune, rebuild, serve, store};
use service::cli::CommonArgs;

/// Builds the audit log and the views from the event log, and serves them
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Consume the event log: write the audit log and the views
    Project(CommonArgs),
    /// Answer auditors over gRPC
    Serve(CommonArgs),
    /// Both in one process, for one small site
    All(CommonArgs),
    /// Print the root of every tree as it follows from the event log alone, one JSON a line
    Rebuild {
        #[command(flatten)]
        tool: ToolArgs,
        /// Print the views as they follow from the event log, as `dump-views` prints the stored
        #[arg(long)]
        dump_views: bool,
    },
    /// Say which bundles of the audit log have expired and what holds some of them, one JSON a log.
    ///
    /// Records expire as `log.options.retention` says. A person under a legal hold keeps what names him, and
    /// `[[prune.holds]]` (complex, from, until, reason) a period. Hashes always stay, so that proofs of what
    /// is kept hold. Run one at a time.
    Prune {
        #[command(flatten)]
        tool: ToolArgs,
        /// Take them away, after a signed statement of it (`pruned` beside the checkpoint)
        #[arg(long)]
        apply: bool,
    },
    /// Print the stored views in a canonical form, one JSON a line
    DumpViews(ToolArgs),
}

#[derive(Args)]
struct ToolArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write here instead of to standard output
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
}

fn main() -> ExitCode {
    let code = run(Cli::parse().command);
    eventlog::wait_closed();
    code
}

fn run(command: Command) -> ExitCode {
    match command {
        Command::Project(args) => service::run(&args, |config: ProjectRole, context| async move {
            let project = project::prepare(&config.0, &context).await?;
            context.health.started();
            project.run().await
        }),
        Command::Serve(args) => service::run(&args, |config: ServeRole, context| async move {
            let serve = serve::prepare(&config.0, &context).await?;
            context.health.started();
            serve.run().await
        }),
        Command::All(args) => service::run(&args, |config: BothRoles, context| async move {
            let project = project::prepare(&config.0, &context).await?;
            let serve = serve::prepare(&config.0, &context).await?;
            context.health.started();
            tokio::try_join!(project.run(), serve.run()).map(|_| ())
        }),
        Command::Rebuild { tool, dump_views } => tool.run(async |config| {
            if dump_views {
                dump::lines(&*rebuild::views(&config).await?).await
            } else {
                rebuild::trees(&config).await
            }
        }),
        Command::Prune { tool, apply } => tool.run(async |config| prune::run(&config, apply).await),
        Command::DumpViews(tool) => tool.run(async |config| {
            let views = config.views().map_err(anyhow::Error::msg)?;
            dump::lines(&*store::open_configured_reader(views)?).await
        }),
    }
}

impl ToolArgs {
    /// Runs a tool that makes lines, and writes them.
    fn run(&self, tool: impl AsyncFnOnce(Config) -> anyhow::Result<Vec<String>>) -> ExitCode {
        match self.lines(tool) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("projector: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn lines(
        &self,
        tool: impl AsyncFnOnce(Config) -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<()> {
        let config: Config = service::config::load(&self.config, ENV_PREFIX)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("can't start the runtime")?;
        let mut text = runtime.block_on(tool(config))?.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        match &self.into {
            Some(file) => std::fs::write(file, text)
                .with_context(|| format!("can't write {}", file.display())),
            None => {
                use std::io::Write as _;
                std::io::stdout()
                    .write_all(text.as_bytes())
                    .context("can't write to standard output")
            }
        }
    }
}
