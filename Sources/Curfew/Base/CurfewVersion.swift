/// The version of this program.
package enum CurfewVersion {
    /// By semantic versioning.
    package static let current = "0.1.0"
}
