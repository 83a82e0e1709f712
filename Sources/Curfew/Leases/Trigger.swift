/// What started a run, as `trigger` in the history; programs may use other values.
package enum Trigger {
    /// Its scheduled time.
    package static let schedule = "schedule"
    /// It undoes another run.
    package static let undo = "undo"
}
