internal import Crypto
internal import Foundation
internal import Policies
internal import RedisClient

extension Change {
    /// What the change rests on and what it does, as 32 hexadecimal digits: the same as long as it is the same change.
    ///
    /// The values of fields are left out: what they are follows from the guards, or is the time of the change. Every word is
    /// preceded by its length, so that no two changes have the same form.
    var fingerprint: String {
        var form = ""
        func add(_ words: String?...) {
            for word in words { form += word.map { "\(ByteText.count(of: $0)):\($0)" } ?? "-" }
            form += ";"
        }
        add(action.rawValue, from, to, removesRecord ? "removed" : "kept", objects.first)
        for object in objects.dropFirst() { add("object", object) }
        for item in guards {
            switch item {
            case .field(let field, let value): add("field", field, value)
            case .text(let text): add("text", text)
            case .recordMissing: add("missing")
            case .keyAbsent(let key): add("absent", key)
            case .keyPresent(let key): add("present", key)
            case .otherField(let key, let field, let value): add("other", key, field, value)
            case .atMost(let key, let most): add("most", key, String(most))
            }
        }
        for write in sets { add("set", write.field) }
        for key in also { add("also", key) }
        if let push { add("push", push.key) }
        if let refund { add("refund", String(refund.amount), refund.balance, refund.ledger, refund.entry) }
        return String(SHA256.hash(data: ByteText.bytes(of: form)).hexadecimal.prefix(32))
    }
}
