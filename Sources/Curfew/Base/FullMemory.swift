internal import RedisClient

/// What a server answers that has no memory left, and what is made of it.
///
/// It refuses whatever might take memory as a whole, before any of it is done. What only removes or frees is then sent once
/// more, to functions that are carried out all the same (`allow-oom`); the rest is an error of its records, or of the run
/// where nothing can be freed.
enum FullMemory {
    /// What is to be done about it.
    static let cure = "raise maxmemory, or remove what isn't needed"

    /// The code of the answer.
    static let code = "OOM"

    /// Whether an error is that answer.
    static func isMeant(_ error: any Error) -> Bool {
        let redis = CurfewError.redis(behind: error)
        return redis?.server?.code == code
    }

    /// Why a change isn't made, as its record's error; `text` is the answer.
    static func refusal(_ text: String) -> String {
        "\(text.hasSuffix(".") ? String(text.dropLast()) : text): \(cure)"
    }

    /// The same of an error.
    static func refusal(of error: any Error) -> String {
        let redis = CurfewError.redis(behind: error)
        return refusal(redis?.server?.message ?? "\(error)")
    }

    /// Whether an error of a record says that there was no memory left.
    static func isToldBy(_ error: String) -> Bool {
        error.hasPrefix(code + " ") || error.contains(": \(code) ")
    }
}
