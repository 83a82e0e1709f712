internal import Foundation

/// Who paused a cleanup, when and why.
package struct CleanupPause: Sendable, Codable, Equatable {
    /// Who.
    package var by: String
    /// When: ISO 8601.
    package var at: String
    /// Why.
    package var why: String

    /// Reads what is in `{curfew}:paused`; text that isn't ours is taken as the reason.
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
