#![doc = include_str!("../README.md")]

mod compare;
mod drop_rows;
mod generations;
mod operate;
mod projection;
mod read_past;
mod rebuilds;
mod row;
mod shown;
mod stored;
mod table;
mod verbs_route;

pub use generations::{Freshness, Generations};
pub use projection::{Projection, Projects, Reading, Shows};
pub use rebuilds::{RebuildError, RebuildReport, Rebuilds};
pub use row::{GENERATION, Row, Rows, row_key, rows_of};
pub use shown::{Shown, ShownBuilding, ShownRefused};
pub use stored::{Begun, Building, PROJECTIONS, Previous, Refused, Stage, Standing, find_standing};
pub use table::{Owned, Projections};
pub use verbs_route::projections_route;
