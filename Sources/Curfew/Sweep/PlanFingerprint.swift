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
        let objects = objects?.keys ?? []
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
            case .otherText(let key, let text): add("other text", key, text)
            case .listed(let key, let member): add("listed", key, member)
            case .scored(let key, let member, let score): add("scored", key, member, score)
            case .unread(let key, let entry): add("unread", key, entry)
            case .undelivered(let key, let entry, let group): add("free", key, entry, group)
            case .unlisted(let key, let member): add("unlisted", key, member)
            case .contains(let key, let member): add("contains", key, member)
            case .holds(let key, let element), .stands(let key, let element, _): add("holds", key, element)
            case .delivered(let key, let entry, let group, let pending): add("pending", key, entry, group, pending)
            case .atMost(let key, let most): add("most", key, String(most))
            }
        }
        for set in write?.sets ?? [] { add("set", set.field) }
        for effect in effects {
            switch effect {
            case .discard(let key): add("also", key)
            case .put(let push): add("push", push.key)
            case .pay(let refund): add("refund", String(refund.amount), refund.place, refund.ledger, refund.entry)
            case .objects, .write, .remember, .remove, .unlist, .carry: continue
            default: add(effect.words)
            }
        }
        return String(SHA256.hash(data: ByteText.bytes(of: form)).hexadecimal.prefix(32))
    }
}
