/// What is wrong with one record, in words.
///
/// It is that record's error, not the run's: the record is listed in the result and left as it is, and the rest go on.
package struct RecordError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was found and what was expected: `startedAt is “yesterday”: expected Unix seconds, …`.
    package let message: String

    /// Makes the error with that message.
    package init(_ message: String) {
        self.message = message
    }

    /// The message.
    package var description: String { message }

    /// The error for a field that can't be read; long values are cut so that one record can't flood the log.
    static func unreadable(_ field: String, _ value: String, _ expectation: String) -> RecordError {
        RecordError("\(field) is “\(value.shortened(to: 80))”: \(expectation)")
    }
}
