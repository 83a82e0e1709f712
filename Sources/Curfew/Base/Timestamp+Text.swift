package import Policies

extension Timestamp {
    /// The time in ISO 8601, in UTC with milliseconds.
    package var iso8601: String {
        TimeForm.iso8601(.init(fractionDigits: 3)).text(for: self)
    }
}
