internal import Foundation

/// Who paused a cleanup, when and why.
package struct CleanupPause: Sendable, Codable, Equatable {
    /// The person.
    package var by: String
    /// The time: ISO 8601.
    package var at: String
    /// The reason.
    package var why: String

    /// Parses an entry of `{curfew}:paused`; text in another format is taken as the reason.
    package init(text: String) {
        do {
            self = try JSONDecoder().decode(CleanupPause.self, from: Data(text.utf8))
        } catch {
            self.init(by: "unknown", at: "", why: text)
        }
    }

    init(by: String, at: String, why: String) {
        self.by = by
        self.at = at
        self.why = why
    }
}
