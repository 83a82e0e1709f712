internal import Foundation

extension Doctor {
    /// Object storage: every bucket that the file names is there, and its key is good.
    ///
    /// Whether the key may delete can't be known without deleting something.
    func storage() async -> [Finding] {
        var findings: [Finding] = []
        for bucket in configuration.storage {
            let check = "storage \(bucket.name)"
            let start = ContinuousClock.now
            do {
                try await ObjectStorage(bucket).check()
                let time = String(format: "%.0f", start.duration(to: .now) / .milliseconds(1))
                findings.append(Finding(check, .ok, "\(bucket.place) answers in \(time) ms"))
            } catch {
                let isRight = "\(error)".contains("AccessDenied")
                findings.append(
                    Finding(
                        check, isRight ? .warning : .problem, "\(error)",
                        advice: isRight
                            ? "fine where this key may delete and not list; else give it the right to delete objects"
                            : "files stay as they are until storage answers: check storage.\(bucket.name)"))
            }
        }
        return findings
    }
}
