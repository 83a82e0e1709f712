/// What has a run start, as its `trigger` in the history says it; programs may give others of their own.
package enum Trigger {
    /// Its time had come.
    package static let schedule = "schedule"
    /// It puts back what another run changed.
    package static let undo = "undo"
}
