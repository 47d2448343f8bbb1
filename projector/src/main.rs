//! Command line of the projector.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use projector::config::{Config, ENV_PREFIX};
use projector::rebuild::{RebuildArgs, Verdict};
use projector::roles::{BothRoles, ProjectRole, ServeRole};
use projector::{dump, project, prune, serve, store};
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
    /// Build trees and views anew from the event log, beside the serving ones, and compare
    Rebuild {
        #[command(flatten)]
        tool: ToolArgs,
        #[command(flatten)]
        args: RebuildArgs,
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
        Command::Rebuild { tool, args } => {
            let verdict = tool.run(async |config| {
                let report = args.run(&config).await?;
                Ok((report.lines, report.verdict))
            });
            match ToolArgs::told(verdict) {
                Some(Verdict::Same) => ExitCode::SUCCESS,
                Some(Verdict::Different) => ExitCode::from(1),
                Some(Verdict::Untold) | None => ExitCode::from(3),
            }
        }
        Command::Prune { tool, apply } => {
            tool.lines(async |config| prune::run(&config, apply).await)
        }
        Command::DumpViews(tool) => tool.lines(async |config| {
            let views = config.views().map_err(anyhow::Error::msg)?;
            dump::lines(&*store::open_configured_reader(views)?).await
        }),
    }
}

impl ToolArgs {
    /// Says what is wrong, if something is.
    fn told<T>(done: anyhow::Result<T>) -> Option<T> {
        done.inspect_err(|error| eprintln!("projector: {error:#}"))
            .ok()
    }

    /// Runs a tool that makes nothing but lines.
    fn lines(&self, tool: impl AsyncFnOnce(Config) -> anyhow::Result<Vec<String>>) -> ExitCode {
        let done = self.run(async move |config| Ok((tool(config).await?, ())));
        Self::told(done).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
    }

    /// Runs a tool that makes lines, and writes them.
    fn run<T>(
        &self,
        tool: impl AsyncFnOnce(Config) -> anyhow::Result<(Vec<String>, T)>,
    ) -> anyhow::Result<T> {
        let config: Config = service::config::load(&self.config, ENV_PREFIX)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("can't start the runtime")?;
        let (lines, done) = runtime.block_on(tool(config))?;
        let mut text = lines.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        match &self.into {
            Some(file) => std::fs::write(file, text)
                .with_context(|| format!("can't write {}", file.display()))?,
            None => {
                use std::io::Write as _;
                std::io::stdout()
                    .write_all(text.as_bytes())
                    .context("can't write to standard output")?;
            }
        }
        Ok(done)
    }
}
