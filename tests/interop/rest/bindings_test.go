package rest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// meaning is a request, and the message that its binding makes of it.
type meaning struct{ line, body, method, message string }

// bindings has a request for every rule of the library.
var bindings = []meaning{
	{"GET /v1/shelves", "", "ListShelves", `{}`},
	{"GET /v1/shelves/7", "", "GetShelf", `{"shelf":"7"}`},
	{"GET /v1/shelves/-9223372036854775808", "", "GetShelf", `{"shelf":"-9223372036854775808"}`},
	{"DELETE /v1/shelves/7", "", "DeleteShelf", `{"shelf":"7"}`},
	// The body is a field; names of JSON and of the proto.
	{"POST /v1/shelves", `{"theme":"x"}`, "CreateShelf", `{"shelf":{"theme":"x"}}`},
	{"POST /v1/shelves", `{"theme_name":"x"}`, "CreateShelf", `{"shelf":{"theme":"x"}}`},
	{"POST /v1/shelves", `{}`, "CreateShelf", `{"shelf":{}}`},
	{"POST /v1/shelves", ``, "CreateShelf", `{}`},
	// A variable in the body's field goes over what the body says of it.
	{"POST /v1/shelves/9", `{"id":"3","theme":"x"}`, "CreateShelf", `{"shelf":{"id":"9","theme":"x"}}`},
	{"POST /v1/shelves/0", `{"id":"3","theme":"x"}`, "CreateShelf", `{"shelf":{"theme":"x"}}`},
	// Path, query and body at once; a JSON name of its own two levels down.
	{"POST /v1/shelves/1/books?notify=true", `{"title":"T","author":{"lname":"L","firstName":"F"}}`, "CreateBook",
		`{"shelf":"1","notify":true,"book":{"title":"T","author":{"lname":"L","firstName":"F"}}}`},
	{"PUT /v1/shelves/1/books/2", `{"id":"9","quotes":["a",""],"ratings":{"x":1,"":-2}}`, "CreateBook",
		`{"shelf":"1","book":{"id":"2","quotes":["a",""],"ratings":{"x":1,"":-2}}}`},
	{"PUT /v1/shelves/1/books/2/by/A%2FB%20C", `{"author":{"id":"4","lname":"no"}}`, "CreateBook",
		`{"shelf":"1","book":{"id":"2","author":{"id":"4","lname":"A/B C"}}}`},
	// The body is everything.
	{"PUT /v1/books/5", `{"title":"T","author":null}`, "ReplaceBook", `{"id":"5","title":"T"}`},
	{"PUT /v1/books/0", `{"id":"5","title":"T"}`, "ReplaceBook", `{"title":"T"}`},
	// A HTTP method of its own, and any.
	{"OPTIONS /v1/shelves/1/books/2", "", "BookOptions", `{"shelf":"1","book":"2"}`},
	{"GET /v1/echo/3", "", "Echo", `{"id":"3"}`},
	{"BREW /v1/echo/3", `{"title":"tea"}`, "Echo", `{"id":"3","title":"tea"}`},
	{"DELETE /v1/echo/3", `{"title":"tea"}`, "Echo", `{"id":"3","title":"tea"}`},
	// Verbs, several segments, and any number of them.
	{"GET /v1/shelves/1/books/2", "", "GetBook", `{"shelf":"1","book":"2"}`},
	{"GET /v1/shelves/1/books/2?name=n", "", "GetBook", `{"shelf":"1","book":"2","name":"n"}`},
	{"GET /v1/shelves/1/books/2:byName", "", "GetBook", `{"name":"shelves/1/books/2"}`},
	{"GET /v1/shelves/one/books/two:byName?shelf=4", "", "GetBook", `{"shelf":"4","name":"shelves/one/books/two"}`},
	{"GET /v1/anywhere", "", "GetBook", `{}`},
	{"GET /v1/anywhere/a", "", "GetBook", `{"name":"a"}`},
	{"GET /v1/anywhere/a/b/c:d?book=1", "", "GetBook", `{"book":"1","name":"a/b/c:d"}`},
	{"POST /v1/shelves/1/books/2:borrow", `{"name":"n"}`, "Borrow", `{"shelf":"1","book":"2","name":"n"}`},
	{"POST /v1/shelves/1/books/2:borrow", ``, "Borrow", `{"shelf":"1","book":"2"}`},
	// Fields of a message in the query.
	{"GET /v1/shelves/1/titles?limit=5&like.author.lname=L&like.author.first_name=F&like.quotes=a&like.quotes=b+c" +
		"&like.ratings[x.y]=3", "", "ListTitles",
		`{"shelf":"1","limit":5,"like":{"author":{"lname":"L","firstName":"F"},"quotes":["a","b c"],"ratings":{"x.y":3}}}`},
	// Escapes: in one segment all are read, in several a slash stays what it was.
	{"GET /v1/anywhere/a%2Fb", "", "GetBook", `{"name":"a%2Fb"}`},
	{"GET /v1/anywhere/a/b%2fc/d%20%C3%A9%25", "", "GetBook", `{"name":"a/b%2fc/d é%"}`},
	{"GET /v1/shel%76es/%37", "", "GetShelf", `{"shelf":"7"}`},
	// An escaped colon is no verb.
	{"GET /v1/anywhere/a%3AbyName", "", "GetBook", `{"name":"a:byName"}`},
}

func TestBindings(t *testing.T) {
	for _, c := range bindings {
		t.Run(c.line, func(t *testing.T) {
			got := do(t, request{line: c.line, body: c.body})
			got.received(t, "library.v1.Library."+c.method, c.message)
			if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %v %q", got.StatusCode, got.Header, got.body)
			}
		})
	}
}

const path = "PATCH /v1/shelves/1/books/2"

// patches have what the gateway makes of a body of PATCH: a mask of the fields that it mentions.
var patches = []meaning{
	{path, `{"title":"T"}`, "UpdateBook", `{"shelf":"1","book":{"id":"2","title":"T"},"updateMask":"title"}`},
	{path, `{"author":{"lname":"L","firstName":""},"quotes":[]}`, "UpdateBook",
		`{"shelf":"1","book":{"id":"2","author":{"lname":"L"}},"updateMask":"author.lastName,author.firstName,quotes"}`},
	{path, `{"author":null,"ratings":{"a":1}}`, "UpdateBook", `{"shelf":"1","book":{"id":"2","ratings":{"a":1}},"updateMask":"author,ratings"}`},
	{path, `{"author":{}}`, "UpdateBook", `{"shelf":"1","book":{"id":"2","author":{}},"updateMask":"author"}`},
	{path + "?update_mask=quotes", `{"title":"T"}`, "UpdateBook", `{"shelf":"1","book":{"id":"2","title":"T"},"updateMask":"quotes"}`},
	{path + "?updateMask=author.last_name,title", `{}`, "UpdateBook", `{"shelf":"1","book":{"id":"2"},"updateMask":"author.lastName,title"}`},
}

func TestPatch(t *testing.T) {
	for _, c := range patches {
		t.Run(c.line+" "+c.body, func(t *testing.T) {
			got := do(t, request{line: c.line, body: c.body})
			call := got.arrived(t, "library.v1.Library.UpdateBook")
			// In which order a mask names fields says nothing.
			has, want := up.print(call.requests[0]), up.print(up.parse(call.method.Input(), c.message))
			sameJSON(t, sortedMask(t, has), sortedMask(t, want))
		})
	}
}

// TestEveryTransport has the core of it over each version of HTTP.
func TestEveryTransport(t *testing.T) {
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			got := do(t, request{over: &over, line: "PUT /v1/shelves/1/books/2?notify=1", body: `{"title":"é/☺"}`,
				answer: respond(`{"id":"2","author":{"lname":"L"}}`)})
			got.received(t, "library.v1.Library.CreateBook", `{"shelf":"1","book":{"id":"2","title":"é/☺"},"notify":true}`)
			got.succeeded(t, `{"id":"2","author":{"lname":"L"}}`)

			got = do(t, request{over: &over, line: "GET /v1/shelves/x"})
			got.refused(t, 400, 3, "`shelf`: `x` is no int64")

			got = do(t, request{over: &over, line: "GET /v1/anywhere/a%2Fb/c"})
			got.received(t, "library.v1.Library.GetBook", `{"name":"a%2Fb/c"}`)

			got = do(t, request{over: &over, line: "GET /v1/shelves/1/books", answer: respond(`{"id":"1"}`, `{}`, `{"id":"3"}`)})
			got.succeeded(t, `[{"id":"1"},{},{"id":"3"}]`)

			got = do(t, request{over: &over, line: "POST /v1/shelves/1/books:import",
				body: `[{"title":"A"},{"title":"B"}]`, answer: respond(`{"titles":["A","B"]}`)})
			got.received(t, "library.v1.Library.ImportBooks",
				`{"shelf":"1","book":{"title":"A"}}`, `{"shelf":"1","book":{"title":"B"}}`)
			got.succeeded(t, `{"titles":["A","B"]}`)

			got = do(t, request{over: &over, line: "HEAD /v1/shelves/1"})
			if got.StatusCode != 405 || got.body != "" {
				t.Errorf("HEAD is answered with %d %q", got.StatusCode, got.body)
			}
		})
	}
}

// sortedMask puts the paths of `updateMask` in order.
func sortedMask(t *testing.T, text string) string {
	t.Helper()
	message := value(t, text).(map[string]any)
	mask, ok := message["updateMask"].(string)
	if !ok {
		return text
	}
	paths := strings.Split(mask, ",")
	slices.Sort(paths)
	message["updateMask"] = strings.Join(paths, ",")
	sorted, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}
