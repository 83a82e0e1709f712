internal import Policies

/// What is known of one alert for one cleanup, in `{curfew}:alert:<name>`.
struct AlertState: Sendable {
    /// The word for an alert whose threshold is crossed.
    static let firing = "firing"
    /// The word for one that is over.
    static let resolved = "resolved"

    /// The definition as last published.
    var definition = ""
    /// Whether it fires.
    var isFiring = false
    /// Since when it is as it is.
    var since: Timestamp?
}
