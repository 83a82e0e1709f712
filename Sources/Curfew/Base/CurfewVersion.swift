/// The version of this program.
package enum CurfewVersion {
    /// The semantic version.
    package static let current = "0.1.0"
}
