//! Variables of the environment by which tests are told of engines that run already.

/// The brokers: `host:port`, separated by commas.
pub const KAFKA: &str = "SMARTHOME_TEST_KAFKA";
/// A Cassandra node: `address:port`.
pub const CASSANDRA: &str = "SMARTHOME_TEST_CASSANDRA";
/// The folder of the authority whose certificates both trust: `ca.crt`, `ca.key`, and
/// `kafka-admin.pem`, key and certificate of `CN=admin, OU=operators, O=smarthome`.
pub const AUTHORITY: &str = "SMARTHOME_TEST_PKI";
/// What every site of a run stands on: `cluster`, or `embedded`, which it is unless set.
pub const ENGINES: &str = "SMARTHOME_TEST_ENGINES";
