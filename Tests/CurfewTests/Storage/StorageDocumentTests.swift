import TestNeeds
import Testing

@testable import Curfew

/// The XML that goes to storage, and the XML that comes back.
@Suite("storage: documents", .tags(.pure))
struct StorageDocumentTests {
    private func element(_ text: String) throws -> XMLElement { try XMLElement(document: Array(text.utf8)) }

    @Test("an answer of a server is read: deleted, kept, gone already, and not mentioned")
    func outcomes() throws {
        let result = try element(
            """
            \n  <?xml version="1.0" encoding="UTF-8"?>
            <!-- as servers write it -->
            <s3:DeleteResult xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/">
              <s3:Deleted><s3:Key>a</s3:Key><s3:DeleteMarker>true</s3:DeleteMarker></s3:Deleted>
              <s3:Deleted><s3:Key>&lt;b&gt; &amp; &#x1F600;&#13;</s3:Key></s3:Deleted>
              <s3:Error><s3:Key>c</s3:Key><s3:Code>AccessDenied</s3:Code><s3:Message/></s3:Error>
              <s3:Error><s3:Key>d</s3:Key><s3:Code>NoSuchKey</s3:Code><s3:Message>gone</s3:Message></s3:Error>
              <s3:Error><s3:Key>f</s3:Key><s3:Code>InternalError</s3:Code><s3:Message>again</s3:Message></s3:Error>
            </s3:DeleteResult>
            """)
        #expect(result.name == "DeleteResult")
        let outcomes = DeleteRequest.outcomes(of: ["a", "<b> & 😀\r", "c", "d", "e", "f"], in: result)
        #expect(
            outcomes == [
                .deleted, .deleted,
                .kept("AccessDenied (this key needs the right to delete objects in the bucket)"), .deleted,
                .kept("the answer doesn't mention it"), .kept("InternalError: again"),
            ])
    }

    @Test("two objects whose names look the same are told apart by their bytes")
    func lookalikes() throws {
        let keys = ["caf\u{E9}", "cafe\u{301}"]
        #expect(keys[0] == keys[1])
        let answer = try element("<DeleteResult><Deleted><Key>\(keys[0])</Key></Deleted></DeleteResult>")
        let outcomes = DeleteRequest.outcomes(of: keys, in: answer)
        #expect(outcomes == [.deleted, .kept("the answer doesn't mention it")])
    }

    @Test("a document that is cut anywhere is refused")
    func cuts() throws {
        let text = #"<?xml version="1.0"?><A b="c"><Key>x &amp; y</Key><!-- z --><D/><![CDATA[<]]></A>"#
        #expect(try element(text).children.map(\.name) == ["Key", "D"])
        for length in 0..<text.utf8.count {
            #expect(throws: XMLError.self, "the first \(length) bytes") {
                try XMLElement(document: Array(text.utf8.prefix(length)))
            }
        }
    }

    @Test(
        "what isn't well formed is refused",
        arguments: [
            "", "text", "<a>", "<a></b>", "<a></a><b/>", "<a>&nope;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a b=c/>",
            "<a b=\"<\"/>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a><?php ?></a>", "<a>\u{1}</a>",
            "<html><br></html>",
            "<a>&amp</a>", "{\"a\": 1}", String(repeating: "<a>", count: 20) + String(repeating: "</a>", count: 20),
        ])
    func malformed(text: String) {
        #expect(throws: XMLError.self) { try element(text) }
    }

    @Test("bytes that are not UTF-8 are refused")
    func bytes() {
        #expect(throws: XMLError.self) { try XMLElement(document: [0x3C, 0x61, 0x3E, 0xFF, 0x3C, 0x2F, 0x61, 0x3E]) }
    }

    @Test("whatever a key is called, a reader finds the same key in the request")
    func roundTrip() throws {
        let keys = ["a/b c.png", "<&>\"'", "tab\tline\nreturn\r", "ünï/😀", " leading and trailing ", "]]>", "%2F"]
        let document = try XMLElement(document: DeleteRequest.body(keys))
        #expect(document.name == "Delete" && document["Quiet"]?.text == "false")
        #expect(document.children.filter { $0.name == "Object" }.compactMap { $0["Key"]?.text } == keys)
    }

    @Test(
        "a key that S3 can't have is told", arguments: ["", String(repeating: "k", count: 1_025)])
    func impossible(key: String) {
        #expect(DeleteRequest.problem(with: key) != nil)
    }

    @Test("a key that XML can't carry is none for the request", arguments: ["a\u{0}b", "\u{1B}", "a\u{FFFF}"])
    func unnamed(key: String) {
        #expect(DeleteRequest.problem(with: key) == nil && !DeleteRequest.canName(key))
    }

    @Test("a request has a thousand keys at most, and so many bytes that the answer can be read")
    func sizes() {
        #expect(DeleteRequest.count(ofEach: (0..<5_000).map { ["\($0)"] }) == 1_000)
        #expect(DeleteRequest.count(ofEach: (0..<5_000).map { ["\($0)", "\($0)-thumb"] }) == 500)
        let long = String(repeating: "&", count: 1_024)
        #expect(DeleteRequest.count(ofEach: Array(repeating: [long], count: 1_000)) == (1 << 20) / (5 * 1_024))
        #expect(DeleteRequest.count(ofEach: [["a"]]) == 1 && DeleteRequest.count(ofEach: []) == 0)
    }
}
