internal import Policies

/// The state of one alert for one cleanup, in `{curfew}:alert:<name>`.
struct AlertState: Sendable {
    /// The state of an alert whose threshold is crossed.
    static let firing = "firing"
    /// The state of an alert that has ended.
    static let resolved = "resolved"

    /// The definition as last published.
    var definition = ""
    /// Whether it is firing.
    var isFiring = false
    /// Since when it has this state.
    var since: Timestamp?
}
