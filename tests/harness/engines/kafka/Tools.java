import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.utils.internals.Exit;
import org.apache.kafka.tools.AclCommand;
import org.apache.kafka.tools.TopicCommand;

/**
 * Runs many calls of kafka-topics.sh and kafka-acls.sh in one virtual machine: a call a line of standard
 * input, the command's name first. The program's own arguments are added to each. Each call is answered
 * by a line on standard output, its exit code; what the commands print goes to standard error.
 */
public final class Tools {
    /** The worst that the present call has ended with; a command may end more than once. */
    private static int code;

    public static void main(String[] common) throws Exception {
        PrintStream answers = System.out;
        System.setOut(System.err);
        Exit.setExitProcedure((ended, message) -> code = Math.max(code, ended));
        BufferedReader calls = new BufferedReader(new InputStreamReader(System.in));
        for (String line = calls.readLine(); line != null; line = calls.readLine()) {
            List<String> words = new ArrayList<>(Arrays.asList(line.trim().split("\\s+")));
            String command = words.remove(0);
            words.addAll(Arrays.asList(common));
            code = 0;
            run(command, words.toArray(new String[0]));
            answers.println(code);
            answers.flush();
        }
        System.exit(0);
    }

    private static void run(String command, String[] arguments) throws Exception {
        switch (command) {
            case "topics" -> TopicCommand.main(arguments);
            case "acls" -> AclCommand.main(arguments);
            default -> throw new IllegalArgumentException("no command " + command);
        }
    }
}
