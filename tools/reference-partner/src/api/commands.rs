//! `GET /v1/commands/{command_id}` and the fence, `POST …/cancel`.

use axum::Json;
use axum::extract::State;

use super::Api;
use super::extract::OfCommand;
use crate::command::{CommandStatus, Refused};
use crate::oauth::{Grant, Scope, insufficient, wrong_resource};
use crate::problem::{Kind, Problem};

pub(super) async fn status(
    grant: Grant,
    State(api): State<Api>,
    OfCommand(id): OfCommand,
) -> Result<Json<CommandStatus>, Problem> {
    grant.require(Scope::CommandsRead)?;
    let found = api.desk.status(id, grant.complex()?).await?;
    let unseen = || {
        Problem::new(
            Kind::UnknownCommand,
            "Cancel it, if it must not open later.",
        )
    };
    found.map_err(refused)?.map(Json).ok_or_else(unseen)
}

pub(super) async fn cancel(
    grant: Grant,
    State(api): State<Api>,
    OfCommand(id): OfCommand,
) -> Result<Json<CommandStatus>, Problem> {
    let authority = grant.authority()?;
    let fenced = api.desk.cancel(id, authority).await?;
    fenced.map(Json).map_err(refused)
}

fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::WrongComplex => wrong_resource(),
        Refused::WrongOperation => insufficient(&[Scope::DoorsOpen, Scope::BarriersOpen]),
    }
}
