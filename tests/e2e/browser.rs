//! Pages, in a real browser: what a person sees, can press and is told; and that nobody is kept out by how
//! a page is made (axe-core). Pictures of every page lie in `target/screenshots`, to be looked at.

mod console;
mod ended;
mod keycloak;
mod resident;
mod step_up;
mod window;
