// Does nothing: what is measured is how long a process with rill takes to begin and end.

int main() {}
