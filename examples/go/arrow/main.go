// Arrow deletes what a table says, and prints the outcomes, which are a table, too: arrow DEVICE ID...
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"koodrive"
)

func main() {
	reader := table(os.Args[1], os.Args[2:])
	defer reader.Release()
	var stream cdata.CArrowArrayStream
	cdata.ExportRecordReader(reader, &stream)
	var plan koodrive.Plan
	check(plan.AddArrow(unsafe.Pointer(&stream)))

	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	check(err)
	defer client.Close()
	report, incomplete := client.DeletePlan(context.Background(), &plan)
	if report == nil {
		log.Fatal("nothing was sent: ", incomplete)
	}
	check(report.Arrow(unsafe.Pointer(&stream)))
	outcomes, err := cdata.ImportCRecordReader(&stream, nil)
	check(err)
	for { // or hand outcomes to what writes Parquet, say
		batch, err := outcomes.Read()
		if batch == nil {
			break
		}
		check(err)
		fmt.Println(batch.Column(2), batch.Column(3))
	}
	check(incomplete)
}

// table makes a table of a device's scopes; yours may come from a Parquet file.
func table(device string, scopes []string) array.RecordReader {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "device_id", Type: arrow.BinaryTypes.String},
		{Name: "scope_id", Type: arrow.BinaryTypes.String},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for _, scope := range scopes {
		builder.Field(0).(*array.StringBuilder).Append(device)
		builder.Field(1).(*array.StringBuilder).Append(scope)
	}
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{builder.NewRecordBatch()})
	check(err)
	return reader
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
